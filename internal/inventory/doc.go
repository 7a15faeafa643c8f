// Package inventory knows what there is to change: projects, environments,
// instances and the databases on them.
//
// It connects to instances to learn what they hold and never changes anything
// there. A database belongs to exactly one project at any time, and moving it
// takes the right on both sides. Credentials go in and never come out: whoever
// changes where a stored credential is sent has to give it anew.
package inventory
