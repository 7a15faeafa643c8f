//go:build !linux || !amd64

package faults_test

const canTrace = false

func traced() bool { return false }

func trace([]string) int { return 1 }

func (w *world) under(*subject, int) (<-chan struct{}, func() int) { return nil, nil }
