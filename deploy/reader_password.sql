-- The read-only role of sql/live_agent/roles.sql has no password of its own.
ALTER ROLE odata_reader PASSWORD 'odata_reader';
