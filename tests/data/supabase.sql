-- A project as Supabase and PostgREST have it: roles, the functions of the schema auth, and policies written as their documentation writes them.
-- Two tenants (7 and 9), two users in the first and one in the second; every text of tenant 9 has the word foreign in it.

CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
CREATE ROLE reporting NOLOGIN;
CREATE ROLE analyst NOLOGIN;
CREATE ROLE stranger NOLOGIN;
CREATE ROLE root NOLOGIN SUPERUSER;
CREATE ROLE "Ro'le ""x""\y" NOLOGIN;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT anon, authenticated, service_role, reporting, analyst, root, "Ro'le ""x""\y" TO authenticator;

CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role, reporting, analyst;

CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;
CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

CREATE TABLE tenants (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE profiles (id uuid PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, username text NOT NULL, email text NOT NULL);
CREATE TABLE todos (
    id bigint PRIMARY KEY, user_id uuid NOT NULL REFERENCES profiles, tenant_id int NOT NULL REFERENCES tenants,
    title text, done boolean NOT NULL, effort numeric(10, 2)
);
CREATE TABLE notes (id bigint PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, todo_id bigint REFERENCES todos, body text NOT NULL);
CREATE TABLE news (id int PRIMARY KEY, title text NOT NULL, draft boolean NOT NULL);
CREATE TABLE salaries (profile_id uuid PRIMARY KEY REFERENCES profiles, amount numeric(12, 2) NOT NULL);
CREATE VIEW my_todos WITH (security_invoker = true) AS SELECT * FROM todos;
CREATE VIEW all_titles AS SELECT id, title FROM todos;

INSERT INTO tenants VALUES (7, 'Acme'), (9, 'foreign Ltd');
INSERT INTO profiles VALUES
    ('11111111-1111-4111-8111-111111111111', 7, 'ada', 'ada@acme.example'),
    ('22222222-2222-4222-8222-222222222222', 7, 'bob', 'bob@acme.example'),
    ('99999999-9999-4999-8999-999999999999', 9, 'foreign eve', 'eve@foreign.example');
INSERT INTO todos
SELECT n, p.id, p.tenant_id, CASE WHEN p.tenant_id = 9 THEN 'foreign ' ELSE 'own ' END || n, n % 2 = 0, n / 4.0
FROM generate_series(1, 90) AS n JOIN profiles AS p ON p.id::text LIKE (ARRAY['1', '2', '9'])[n % 3 + 1] || '%';
INSERT INTO notes SELECT n, t.tenant_id, t.id, CASE WHEN t.tenant_id = 9 THEN 'foreign ' ELSE 'own ' END || 'note ' || n
FROM generate_series(1, 180) AS n JOIN todos AS t ON t.id = (n + 1) / 2;
INSERT INTO news SELECT n, 'News ' || n, n > 5 FROM generate_series(1, 8) AS n;
INSERT INTO salaries SELECT id, 1000 * tenant_id FROM profiles;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE todos ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE news ENABLE ROW LEVEL SECURITY;

CREATE POLICY "Tenants are visible to their members." ON tenants FOR SELECT TO authenticated
    USING (id = (auth.jwt() -> 'app_metadata' ->> 'tenant')::int);
CREATE POLICY "Profiles are visible within the tenant." ON profiles FOR SELECT TO authenticated
    USING (tenant_id = ((select auth.jwt()) -> 'app_metadata' ->> 'tenant')::int);
CREATE POLICY "Individuals can view their own todos." ON todos FOR SELECT TO authenticated USING ((select auth.uid()) = user_id);
CREATE POLICY "Notes of the tenant." ON notes FOR SELECT
    USING (auth.role() = 'authenticated' AND tenant_id = ((select auth.jwt()) -> 'app_metadata' ->> 'tenant')::int);
CREATE POLICY "Public news are viewable by everyone." ON news FOR SELECT USING (NOT draft);
CREATE POLICY "Reports see the todos of their tenant." ON todos FOR SELECT TO reporting, analyst
    USING (tenant_id = (current_setting('request.jwt.claims', true)::json ->> 'tenant')::int);

GRANT SELECT ON news TO anon, authenticated;
GRANT SELECT ON tenants, todos, notes, my_todos, all_titles TO authenticated;
GRANT SELECT (id, tenant_id, username) ON profiles TO authenticated;
GRANT SELECT ON todos, news TO reporting, analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO service_role;
