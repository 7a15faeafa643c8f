// Package release takes migration files, says what is wrong with them and keeps
// them. A release is immutable: its files have one order, their contents are
// sheets found by their SHA-256, and equal contents are one release however
// often they are sent.
//
// Checking a release never changes a database and never fails because of one:
// a target that cannot be reached is a finding about that target.
package release
