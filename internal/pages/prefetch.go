package pages

import (
	"context"
	"iter"
	"slices"
	"sync"

	"example.com/gitlabci/internal/pool"
)

// MostAhead is how many pages a walk may request ahead. It keeps one loop from
// taking a server for itself.
const MostAhead = 64

// largestEarly is the largest page, in bytes, that is read while others are
// requested concurrently. GitLab's pages have some hundred kB.
const largestEarly = 4 << 20

// A prefetcher requests pages before the walk reaches them. A page is used only if
// the walk requests exactly that page, so a wrong guess costs one request and
// nothing else.
//
// Unless the list is Eager, it begins with none, and doubles how many it requests
// whenever the walk has to wait for a page other than the first. So a loop that ends
// early has read at least half of the pages that it requested.
type prefetcher[P any] struct {
	ctx     context.Context
	cancel  context.CancelFunc
	list    *List[P]
	width   int             // how many pages to request ahead now, at most list.Ahead
	queue   []*earlyPage[P] // in the order of the list
	taken   string          // the key of the page that was taken last
	running sync.WaitGroup
	guard   pool.Guard // of the requests, which call what the caller has given
}

// An earlyPage is a page that was requested before the walk reached it.
type earlyPage[P any] struct {
	key     string
	guessed bool // requested before the previous page was read
	cancel  context.CancelFunc
	done    chan struct{} // closed once page and err are set
	page    *Page[P]
	err     error
}

func newPrefetcher[P any](ctx context.Context, list *List[P]) *prefetcher[P] {
	p := &prefetcher[P]{list: list}
	if list.Eager {
		p.width = list.Ahead
	}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// stop cancels all requests, and returns when they have ended.
func (p *prefetcher[P]) stop() {
	p.cancel()
	p.running.Wait()
	p.guard.Rethrow()
}

// take waits for a page that was already requested, or requests it. It reports
// whether the page was requested before the previous page was read.
//
// If the same page is taken again, the requests for the pages after it continue.
// If the walk goes back to an earlier page, they are canceled. Since it may go back
// again, fewer pages are prefetched at first.
func (p *prefetcher[P]) take(at *place) (page *Page[P], guessed bool, err error) {
	key := pageKey(at.query)
	p.skip(0, key)
	if len(p.queue) > 0 && p.queue[0].key == key {
		head := p.queue[0]
		p.widen(!head.isDone())
		p.queue, p.taken = p.queue[1:], key
		<-head.done
		head.cancel()
		p.guard.Rethrow()
		if !head.guessed || !p.list.TooLarge(head.err) {
			return head.page, head.guessed, head.err
		}
		page, err = p.list.request(p.ctx, at) // alone, it may be as large as any
		return page, false, err
	}
	if key != p.taken {
		p.drop()
	}
	p.widen(true)
	if at.back {
		p.width = min(1, p.list.Ahead)
	}
	p.taken = key
	page, err = p.list.request(p.ctx, at)
	return page, false, err
}

// widen requests more pages ahead from now on if the walk waits for a page. While the
// server wants a pause, more requests would only wait, and others behind them.
func (p *prefetcher[P]) widen(waits bool) {
	switch {
	case p.taken == "": // everybody waits for the first page
	case p.list.Paused():
		p.width = min(1, p.list.Ahead)
	case waits || p.list.Eager:
		p.width = min(max(1, 2*p.width), p.list.Ahead)
	}
}

// drop cancels all pending requests, since the walk continues elsewhere.
func (p *prefetcher[P]) drop() { p.keep(0) }

// keep cancels all pending requests but the first n.
func (p *prefetcher[P]) keep(n int) { p.cut(n, len(p.queue)) }

// skip cancels the requests from the i-th on that come before the page with a key, if
// that was requested.
func (p *prefetcher[P]) skip(i int, key string) {
	for j := i; j < len(p.queue); j++ {
		if p.queue[j].key == key {
			p.cut(i, j)
			return
		}
	}
}

// cut cancels the requests from the i-th to before the j-th, and waits until they have
// ended, so that there are never more concurrent requests than allowed.
func (p *prefetcher[P]) cut(i, j int) {
	for _, early := range p.queue[i:j] {
		early.cancel()
	}
	for _, early := range p.queue[i:j] {
		<-early.done
	}
	p.queue = slices.Delete(p.queue, i, j)
}

// fill requests the pages of a plan, the next page first.
func (p *prefetcher[P]) fill(plan iter.Seq[*place]) {
	i := 0
	for at := range plan {
		if i >= p.width || p.endsWithin(i) || i > 0 && p.list.Paused() {
			return
		}
		key := pageKey(at.query)
		p.skip(i, key)
		if i < len(p.queue) && p.queue[i].key != key {
			p.keep(i)
		}
		if i == len(p.queue) {
			p.start(at)
		}
		i++
	}
}

// start requests a page while others are read.
func (p *prefetcher[P]) start(at *place) {
	ctx, cancel := context.WithCancel(p.ctx)
	early := &earlyPage[P]{key: pageKey(at.query), guessed: len(p.queue) > 0, cancel: cancel, done: make(chan struct{})}
	if early.guessed {
		ctx = p.list.Limit(ctx, largestEarly)
	}
	p.queue = append(p.queue, early)
	p.running.Go(func() {
		defer close(early.done)
		p.guard.Do(func() { early.page, early.err = p.list.request(ctx, at) })
	})
}

// endsWithin reports whether it is known that nothing comes after one of the first
// n pages.
func (p *prefetcher[P]) endsWithin(n int) bool {
	for _, early := range p.queue[:n] {
		if early.isLast() {
			return true
		}
	}
	return false
}

// isDone reports whether the response to a page has arrived.
func (e *earlyPage[P]) isDone() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// isLast reports whether it is known that nothing comes after a page.
func (e *earlyPage[P]) isLast() bool {
	return e.isDone() && (e.err != nil || e.page == nil || e.page.Next == "")
}
