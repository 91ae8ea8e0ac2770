"""T14: roles and claims behind PgBouncer in transaction mode, which has one server connection: what tests/unit/db/test_roles.py says of a connection."""

from __future__ import annotations

import pytest
from tests.harness import supabase
from tests.harness.pgbouncer import PgBouncer
from tests.unit.db.test_roles import (
    database,
    test_a_request_that_ends_at_any_step_leaves_nothing,
    test_a_role_that_postgres_refuses_is_forbidden_and_leaves_no_transaction,
    test_after_a_failure_the_role_and_the_claims_are_back,
    test_any_role_name_is_a_name,
    test_many_callers_at_once_each_see_their_own,
    test_one_session_after_the_other_on_one_connection_each_sees_its_own,
    test_statements_run_as_the_role_with_its_claims,
    test_the_subject_is_in_the_name_of_the_session,
)

__all__ = [
    "database",
    "test_a_request_that_ends_at_any_step_leaves_nothing",
    "test_a_role_that_postgres_refuses_is_forbidden_and_leaves_no_transaction",
    "test_after_a_failure_the_role_and_the_claims_are_back",
    "test_any_role_name_is_a_name",
    "test_many_callers_at_once_each_see_their_own",
    "test_one_session_after_the_other_on_one_connection_each_sees_its_own",
    "test_statements_run_as_the_role_with_its_claims",
    "test_the_subject_is_in_the_name_of_the_session",
]


@pytest.fixture(scope="module")
def bouncer(supabase_cluster):
    with PgBouncer(supabase_cluster, size=1, users=(supabase.AUTHENTICATOR,)) as running:
        yield running


@pytest.fixture
def dsn(bouncer):
    return bouncer.dsn(user=supabase.AUTHENTICATOR, database=supabase.DATABASE)
