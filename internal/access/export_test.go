package access

// What the black-box tests of this package reach inside for.
var NewLimiter = newLimiter

// LimiterSize is how many keys a limiter remembers.
const LimiterSize = limiterSize

// Take counts one try of key.
func (l *limiter) Take(key string) error { return l.take(key) }

// Len returns how many keys are remembered.
func (l *limiter) Len() int { return len(l.buckets) }
