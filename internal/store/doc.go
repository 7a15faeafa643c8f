// Package store is all that the server remembers, on SQLite or PostgreSQL.
package store
