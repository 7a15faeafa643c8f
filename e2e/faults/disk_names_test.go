package faults_test

const (
	diskSQLite   = "full disk under SQLite"
	diskPostgres = "full disk under PostgreSQL"
	diskServer   = "full disk under the server's own data"
)
