package engine_test

import (
	"testing"
	"time"

	"slipway"
	"slipway/internal/engine"
)

func TestBusyNamesTheHolder(t *testing.T) {
	since := time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC)
	for _, tc := range []struct {
		busy engine.Busy
		want string
	}{
		{
			engine.Busy{Database: "shop", Process: "42", User: "ann", Application: "psql", Since: since},
			`database "shop" is locked by another change: process 42, user ann, application psql, since 2026-11-22T10:30:00Z`,
		},
		{engine.Busy{Database: "shop"}, `database "shop" is locked by another change: a session that is not visible from here`},
	} {
		if got := tc.busy.Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
		if got := slipway.MessageOf(&tc.busy); got != tc.want || slipway.KindOf(&tc.busy) != slipway.Unavailable {
			t.Errorf("shown is %q of kind %d", got, slipway.KindOf(&tc.busy))
		}
	}
}

func TestStatementErrorSaysWhere(t *testing.T) {
	for _, tc := range []struct {
		failure slipway.Failure
		want    string
	}{
		{slipway.Failure{Path: "a/1.sql", Line: 3, Column: 7, Message: "no"}, "a/1.sql:3:7: no"},
		{slipway.Failure{Path: "a/1.sql", Line: 3, Message: "no"}, "a/1.sql:3: no"},
		{slipway.Failure{Path: "a/1.sql", Message: "no"}, "a/1.sql: no"},
	} {
		if got := (&engine.StatementError{Failure: tc.failure}).Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
