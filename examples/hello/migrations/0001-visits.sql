create table visits (
  id integer primary key,
  at text not null default (datetime('now'))
);
