"""What the documents tell people to paste works: shell commands, URLs and the Python program."""

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from odata_gateway import cli
from odata_gateway.demo import tokens

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
DEMO = "http://localhost:3001"


def snippets(language):
    """Every block of code in this language, with the page that it is on."""
    for path in PAGES:
        for number, part in enumerate(path.read_text(encoding="utf-8").split("\n```")):
            if number % 2 and part.startswith(f"{language}\n"):
                yield path.relative_to(ROOT).as_posix(), part.removeprefix(f"{language}\n")


SHELL = [(page, line) for page, block in snippets("sh") for line in block.splitlines() if line]
CURLS = [(page, line) for page, line in SHELL if line.startswith("curl ")]
URLS = [(page, line) for page, block in snippets("") for line in block.splitlines() if line.startswith(DEMO)]
PROGRAMS = list(snippets("python"))


def test_snippets_are_found():
    assert len(CURLS) >= 2 and URLS and PROGRAMS


def test_tokens_in_the_documents_are_the_demos():
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert set(re.findall(r"\bdemo[A-Z]\w+", text)) == {tokens.ADMIN}


@pytest.mark.parametrize(("page", "line"), CURLS)
def test_a_curl_command_is_answered_with_rows(gateway, page, line):
    words = shlex.split(line.replace("$TOKEN", tokens.ADMIN))
    header = words[words.index("-H") + 1].split(": ", 1)
    (url,) = (word for word in words if word.startswith("http"))
    parts = urlsplit(url)
    reply = gateway.ask("GET", f"{parts.path}?{parts.query}", dict([header]))
    assert reply.status == 200 and reply.rows


@pytest.mark.parametrize(("page", "url"), URLS)
def test_a_url_is_answered_with_rows(gateway, page, url):
    reply = gateway.get(url.replace(DEMO, gateway.origin), token=None)
    assert reply.status == 200 and reply.rows


@pytest.mark.parametrize(("page", "program"), PROGRAMS)
def test_a_python_program_reads_all_rows(gateway, page, program):
    names = {"requests": requests}
    exec(compile(program.replace(DEMO, gateway.origin), page, "exec"), names)
    assert len(names["rows"]) == int(gateway.get("Message/$count").body)


def commands():
    """Every use of the program in a block of shell commands or in code style, without comments."""
    texts = [line for _, line in SHELL]
    for path in PAGES:
        texts += re.findall(r"`((?:\.venv/bin/)?odata-gateway [^`]+)`", path.read_text(encoding="utf-8"))
    for text in texts:
        for part in text.partition("  #")[0].split(" && "):
            words = shlex.split(part)
            if words and words[0].rpartition("/")[2] == "odata-gateway":
                yield " ".join(words), words[1:]


COMMANDS = dict(commands())


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_command_is_one_of_the_program(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--help"])
    assert ended.value.code == 0 and f"odata-gateway {arguments[0]} " in capsys.readouterr().out
