package console

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"slipway"
)

// How the page of a rollout is kept up to date.
const (
	// streamLife ends a stream, so that who it is for is asked again: browsers
	// come back by themselves.
	streamLife = 2 * time.Minute
	busyTick   = 500 * time.Millisecond // while something runs
	idleTicks  = 6                      // while nothing does: every so many
	maxStreams = 500                    // at a time; further browsers try again later
)

// rolloutEvents streams what changes of a rollout's page, as server-sent events
// that carry the changed parts.
func (c *Console) rolloutEvents(v visit) error {
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		return slipway.Errorf(slipway.Unavailable, "Too many pages follow rollouts right now. Reload this one to see how it goes on.")
	}
	s := stream{v: v, out: http.NewResponseController(v.w), sent: map[string]string{}, seen: v.query("seen")}
	if last := v.r.Header.Get("Last-Event-ID"); last != "" {
		s.seen = last
	}
	view, err := c.rolloutView(v)
	if err != nil {
		return err
	}
	s.open()
	tick := time.NewTicker(busyTick)
	defer tick.Stop()
	end := time.NewTimer(streamLife)
	defer end.Stop()
	for n := 1; ; n++ {
		if err := c.send(&s, view); err != nil || view.Finished {
			return s.close(err)
		}
		for idle := 0; ; idle++ {
			select {
			case <-v.ctx().Done():
				return nil
			case <-c.Rollouts.Draining():
				return nil
			case <-end.C:
				return nil
			case <-tick.C:
			}
			if view.active() || idle+1 >= idleTicks {
				break
			}
		}
		if view, err = c.rolloutView(v); err != nil {
			return s.close(err)
		}
	}
}

// active reports whether something changes by itself.
func (p *rolloutView) active() bool {
	all := total(p.Summary.Stages)
	return all.Tasks[slipway.Running]+all.Tasks[slipway.Pending] > 0
}

// A part is a piece of the page and the event that brings it.
type part struct{ event, html string }

// parts renders what of a rollout's page changes.
func (c *Console) parts(view rolloutView) ([]part, error) {
	page, err := c.templates("rollout")
	if err != nil {
		return nil, err
	}
	var list []part
	add := func(event, name string, data any) error {
		var b bytes.Buffer
		if err := page.ExecuteTemplate(&b, name, data); err != nil {
			return fmt.Errorf("render %s of a rollout: %w", name, err)
		}
		list = append(list, part{event, b.String()})
		return nil
	}
	for _, name := range []string{"head", "stages", "states", "task"} {
		if err := add(name, "live-"+name, view); err != nil {
			return nil, err
		}
	}
	for _, r := range view.Rows {
		if err := add("row-"+strconv.FormatInt(r.ID, 10), "live-row", r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// digest names a state of the page. A browser that has seen it gets nothing
// anew, so that a stream which begins again takes no focus away.
func digest(list []part) string {
	h := fnv.New64a()
	for _, p := range list {
		_, _ = h.Write([]byte(p.event + "\x00" + p.html + "\x00")) // a hash takes everything
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// send sends the parts that have changed since they were sent last.
func (c *Console) send(s *stream, view rolloutView) error {
	list, err := c.parts(view)
	if err != nil {
		return err
	}
	id := digest(list)
	for _, p := range list {
		if s.sent[p.event] != p.html && s.seen != id {
			s.event(id, p.event, p.html)
		}
		s.sent[p.event] = p.html
	}
	s.seen = ""
	return s.flush()
}

// A stream is a response of server-sent events.
type stream struct {
	v    visit
	out  *http.ResponseController
	buf  bytes.Buffer
	sent map[string]string // :: event → what it carried last
	seen string            // digest of what the browser shows when the stream begins
}

func (s *stream) open() {
	h := s.v.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies shall pass events on at once
	s.v.w.WriteHeader(http.StatusOK)
}

func (s *stream) event(id, name, data string) {
	s.buf.WriteString("id: " + id + "\nevent: " + name + "\n")
	for line := range strings.Lines(data) {
		s.buf.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	s.buf.WriteString("\n")
}

// flush hands over what is there; nothing is a comment, which keeps proxies
// from closing a silent stream.
func (s *stream) flush() error {
	if s.buf.Len() == 0 {
		s.buf.WriteString(": still here\n\n")
	}
	_, err := s.v.w.Write(s.buf.Bytes())
	s.buf.Reset()
	if err == nil {
		err = s.out.Flush()
	}
	return err
}

// close ends a stream for good: the browser does not come back. An error behind
// the first byte can only end it; the page says no more than it did, and a
// reload tells what is wrong.
func (s *stream) close(err error) error {
	if err == nil || slipway.KindOf(err) != slipway.Internal {
		s.event("end", "end", "end")
		_ = s.flush() // the browser went away
	}
	return nil
}
