-- Recommended indexes: each with the query it serves. Optional; every query is right without them, some read a whole account instead of a page.
--
--     psql -v ON_ERROR_STOP=1 -d live_agent -f indexes.sql
--
-- On a busy database run the statements one by one with CREATE INDEX CONCURRENTLY. `odata-gateway check` names those a database lacks: it reads
-- this file and looks for a valid index whose leading columns are the same, whatever its name is. An index that needs an extension is left out
-- where that is not installed.

-- Message in key order: a page of a middling account without reading past the rows of others.
CREATE INDEX IF NOT EXISTS odata_messages_account_id_id ON public.messages (account_id, id);

-- Message?$filter=created_at ge ... and created_at lt ..., and $orderby=created_at in either direction, each page from where the last one ended.
CREATE INDEX IF NOT EXISTS odata_messages_account_id_created_at_id ON public.messages (account_id, created_at, id);

-- Message?$filter=updated_at ge ...: incremental refresh.
CREATE INDEX IF NOT EXISTS odata_messages_account_id_updated_at_id ON public.messages (account_id, updated_at, id);

-- Message?$orderby=source_id in either direction: a column that may be null, read as its nulls and its values.
CREATE INDEX IF NOT EXISTS odata_messages_account_id_source_id_id ON public.messages (account_id, source_id, id);

-- Inbox(9)/messages and Inbox?$expand=messages($top=5), in key order.
CREATE INDEX IF NOT EXISTS odata_messages_inbox_id_id ON public.messages (inbox_id, id);

-- Not for every database: 88 MB and 22 seconds for a million messages, and each new message costs more.
SELECT count(*) > 0 AS has_trigrams FROM pg_catalog.pg_opclass WHERE opcname = 'gin_trgm_ops' \gset
\if :has_trigrams
-- Message?$search=TE-4711, Message?$filter=contains(content,'TE-4711'): texts that few messages contain; the same for startswith and endswith.
CREATE INDEX IF NOT EXISTS odata_messages_content ON public.messages USING gin (content gin_trgm_ops);
\else
\warn 'no index for contains(content,...): CREATE EXTENSION pg_trgm first, if it is wanted'
\endif

-- Conversation in key order.
CREATE INDEX IF NOT EXISTS odata_conversations_account_id_id ON public.conversations (account_id, id);

-- Conversation?$filter=created_at le '2021-11-23T00:00:00', and $orderby=created_at.
CREATE INDEX IF NOT EXISTS odata_conversations_account_id_created_at_id ON public.conversations (account_id, created_at, id);

-- Conversation?$filter=updated_at ge ...: incremental refresh.
CREATE INDEX IF NOT EXISTS odata_conversations_account_id_updated_at_id ON public.conversations (account_id, updated_at, id);

-- Inbox?$expand=conversations, Inbox(1)/conversations.
CREATE INDEX IF NOT EXISTS odata_conversations_inbox_id ON public.conversations (inbox_id);

-- Conversation?$filter=contact_id eq 7.
CREATE INDEX IF NOT EXISTS odata_conversations_contact_id ON public.conversations (contact_id);

-- Conversation?$filter=uuid eq '...': the one conversation another system names.
CREATE INDEX IF NOT EXISTS odata_conversations_uuid ON public.conversations (uuid);

-- User?$expand=inboxes, User(1)/inboxes.
CREATE INDEX IF NOT EXISTS odata_inbox_members_user_id ON public.inbox_members (user_id);

-- Label?$expand=conversations: from a label's title to its tags, whose names are compared without case.
CREATE INDEX IF NOT EXISTS odata_tags_lower_name ON public.tags (lower(name::text));
