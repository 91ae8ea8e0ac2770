"""The compiler's cache is bounded in entries and in the size of their SQL."""

from odata_gateway.compiler.cache import Cache


def test_the_cache_is_bounded_in_entries_and_in_size():
    cache = Cache(3, max_size=100)
    for number, size in enumerate((10, 20, 30, 40)):
        assert cache.get(number) is None
        assert cache.put(number, f"made {number}", size) == f"made {number}"
    assert [cache.get(number) for number in (0, 1, 2, 3)] == [None, "made 1", "made 2", "made 3"]  # 0 was one too many
    assert cache.put("large", "large", 65) == "large"
    assert len(cache) == 1  # 20, 30 and 40 had to go: 65 and 40 are more than 100
    assert cache.put("too large", "too large", 101) == "too large"
    assert len(cache) == 0
    assert cache.get("large") is None


def test_the_value_that_was_not_used_for_longest_goes_first():
    cache = Cache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
