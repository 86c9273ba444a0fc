-- One database server for all sandboxes: a schema each.
CREATE SCHEMA IF NOT EXISTS sandbox0;
CREATE SCHEMA IF NOT EXISTS sandbox1;
CREATE SCHEMA IF NOT EXISTS sandbox2;
