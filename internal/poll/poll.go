// Package poll says how patiently Watch, Find and FollowLog poll: how long to wait from
// one poll to the next, what makes the next one begin immediately, and when to give up
// because polls keep failing.
//
// It is handed the shortest and the longest interval, how long the server asks to wait,
// and how long polls may fail in a row. It never polls by itself, and does not know
// what is polled: the caller decides whether a failure may pass and what the error says.
package poll

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"example.com/gitlabci/internal/rest"
)

// A Pace is the time from one poll to the next. It begins with Min, and each wait is
// half as long again as the last one, up to Max.
type Pace struct {
	Min, Max time.Duration

	// Jitter makes each wait up to a tenth shorter, so that many clients do not poll
	// at the same moment.
	Jitter bool

	// Bell, unless nil, rings when a poll is needed. Without a ring, the next poll begins
	// after Idle. Min and Max then are for polls after which something has to follow, and
	// for those that are rung for: they get as rare if they keep bringing no news.
	Bell *Bell
	Idle time.Duration

	interval    time.Duration // of the next wait; zero is Min
	least       time.Duration // of the next wait, whatever the interval is
	expected    bool          // whether the next poll begins without a ring
	failed      bool          // whether that is because the last one failed
	rung        bool          // whether the last wait ended with a ring
	followed    bool          // whether it was for a poll that follows up a ring without news
	notFollowed int           // how many rings without news are not followed up
}

// Restart begins with Min again, because something has changed.
func (p *Pace) Restart() {
	p.interval, p.rung = 0, false
	if p.followed {
		p.followed, p.notFollowed = false, 0
	}
}

// AtLeast makes the next wait at least so long, such as a server requests. The waits
// after it do not change.
func (p *Pace) AtLeast(wait time.Duration) { p.least = max(p.least, wait) }

// Expect makes the next poll begin without a ring, because the state that was read must
// change. A ring makes it begin earlier, if rings are not in doubt.
func (p *Pace) Expect() { p.expected = true }

// Fail makes the next poll begin without a ring, and no ring makes it begin earlier,
// because the last one failed: the server may be in trouble.
func (p *Pace) Fail() { p.expected, p.failed = true, true }

// Wait waits until the next poll, or returns the error of a context that ends before.
//
// If a poll that was rung for brings no news, a replica of the server's database may not
// have them yet: one more poll follows. If that brings none either, the next rings without
// news are not followed up: they are probably repeated.
func (p *Pace) Wait(ctx context.Context) error {
	least, longest := p.plan()
	if longest == 0 {
		return p.afterSleep(rest.Sleep(ctx, least))
	}
	// Thousands of watches wait here at the same time, each on a stack of its own. Functions
	// that are not inlined keep that so shallow that a garbage collection can halve it.
	begun := time.Now()
	for !p.Bell.rung.Load() && time.Since(begun) < longest {
		if err := p.Bell.wait(ctx, longest-time.Since(begun)); err != nil {
			return err
		}
	}
	return p.afterWake(ctx, begun, least)
}

// plan returns how long the next wait is, at least if the bell may end it, and then how long
// at most.
//
//go:noinline
func (p *Pace) plan() (least, longest time.Duration) {
	requested := p.least
	least = p.next()
	listens := p.Bell != nil && !p.takeFollowUp()
	switch {
	case listens && !p.expected:
		longest = max(least, p.jittered(p.Idle))
	case listens && !p.failed && p.notFollowed == 0:
		least, longest = min(least, max(p.jittered(p.Min), requested)), least
	}
	p.expected, p.failed = false, false
	return least, longest
}

// afterSleep notes a wait that the bell could not end.
//
//go:noinline
func (p *Pace) afterSleep(err error) error {
	if p.Bell != nil && p.Bell.takeRing() { // so the poll is rung for, and is followed up itself
		p.rung, p.followed = true, false
	}
	return err
}

// afterWake ends a wait that the bell, or its longest time, has ended.
//
//go:noinline
func (p *Pace) afterWake(ctx context.Context, begun time.Time, least time.Duration) (err error) {
	if p.Bell.rung.Load() {
		err = rest.Sleep(ctx, max(p.Bell.turns.wait(), least-time.Since(begun)))
	}
	if time.Since(begun) >= quietTime {
		p.Restart()
	}
	p.rung = p.Bell.takeRing()
	return err
}

// takeFollowUp reports whether the next poll follows up a ring that has brought no news.
func (p *Pace) takeFollowUp() bool {
	if p.followed {
		p.followed, p.notFollowed = false, ringsNotFollowed
	}
	if !p.rung {
		return false
	}
	p.rung = false
	p.followed = p.notFollowed == 0
	p.notFollowed = max(0, p.notFollowed-1)
	return p.followed
}

func (p *Pace) next() time.Duration {
	interval := max(p.interval, p.Min)
	p.interval = interval + min(interval/2, p.Max-interval)
	wait := max(p.jittered(interval), p.least)
	p.least = 0
	return wait
}

func (p *Pace) jittered(wait time.Duration) time.Duration {
	if p.Jitter {
		wait -= rand.N(wait/10 + 1)
	}
	return wait
}

// unmetPatience is how long a server that has never responded may be silent.
const unmetPatience = time.Minute

// A Patience is how long polls may fail in a row.
type Patience struct {
	GiveUpAfter time.Duration

	// Responded says that the server has responded before, so it exists. A server that never
	// responds is given up after a minute.
	Responded bool

	// AtLeast is how many polls must have failed, however long that took.
	AtLeast int

	failures int
	since    time.Time // when they began to fail
	last     error     // of them
}

// Restore forgets the failures, because a poll succeeded.
func (p *Patience) Restore() { p.failures, p.last, p.Responded = 0, nil, true }

// Failures returns how many polls failed in a row.
func (p *Patience) Failures() int { return p.failures }

// Ended returns the error of a context that has ended, with what failed before it: the
// poll that the context ended, if that says it, or else the last one that failed.
func (p *Patience) Ended(ctx context.Context, poll error) error {
	ended := rest.Ended(ctx)
	if poll == nil || errors.Is(poll, ctx.Err()) && !rest.IsAfter(poll) {
		return rest.After(rest.After(ended, poll), p.last)
	}
	return rest.After(ended, poll)
}

// Failed counts a poll that failed. The first one says since when polls fail. It returns
// how long they have, in seconds, and whether to give up: because that is too long, or
// will be before the end of the wait that the server requests.
func (p *Patience) Failed(since time.Time, requested time.Duration, failure error) (lasted time.Duration, giveUp bool) {
	if p.failures == 0 {
		p.since = since
	}
	p.failures++
	p.last = failure
	limit := p.GiveUpAfter
	if !p.Responded {
		limit = min(limit, unmetPatience)
	}
	lasted = time.Since(p.since)
	return lasted.Round(time.Second), p.failures >= p.AtLeast && lasted >= limit-requested
}

// LongestLag is how long responses may be older than those before them, or not have what
// was created. GitLab does not use a replica of its database that lags further behind.
const LongestLag = time.Minute

// A Lag is since when responses are older than what is known.
type Lag struct{ since time.Time } // zero if the last response was not

// Lasts counts a response, and reports whether it lags: it is older than what is known,
// and has not been so for longer than replicas lag.
func (l *Lag) Lasts(older bool) bool {
	if !older {
		l.since = time.Time{}
		return false
	}
	if l.since.IsZero() {
		l.since = time.Now()
	}
	return time.Since(l.since) < LongestLag
}

// leastMisses is how often in a row a thing must not be found, at least, before that is
// believed.
const leastMisses = 3

// An Absence is how often in a row a thing was not found.
type Absence struct {
	misses int
	since  time.Time // when they began
}

// Found forgets the misses.
func (a *Absence) Found() { a.misses = 0 }

// Missed counts one, and reports whether to believe it. A thing that is known to have
// existed is not given up while a replica may lag.
func (a *Absence) Missed(known bool) (believed bool) {
	a.misses++
	if a.misses == 1 {
		a.since = time.Now()
	}
	return a.misses >= leastMisses && (!known || time.Since(a.since) >= LongestLag)
}
