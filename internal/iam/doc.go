// Package iam answers one question: may this caller do this, here, now? It
// holds the permissions, the predefined roles, and the rules of what a policy
// may say. It is pure: policies and roles come in as values, nothing is read.
//
// Everything is denied that no binding grants. What cannot be understood, a
// condition that does not compile or a role that is gone, grants nothing; it is
// refused where it is written, so that it rarely comes to that.
//
// A policy on the workspace holds in every project. Decisions about a project
// therefore look at two policies, decisions about anything else at one.
package iam
