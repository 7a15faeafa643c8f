// Package server puts the parts together: Config in, a running server out.
//
// Run opens the store first, since every other part stands on it, and closes
// it last. Each long-lived part is a line in run's group: when one of them ends
// with an error, all of them end. Adding an engine or a part is a line here;
// nothing registers itself.
package server
