package gitlabci

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"sync"
)

// maxPrefetch keeps one loop from taking a server for itself.
const maxPrefetch = 64

// A prefetcher fetches pages before they are asked for: where the link to the
// next page has a number, those with the numbers after it too. What it fetched
// is only ever used where the links lead, so that a wrong guess costs a request
// and nothing else.
type prefetcher[P any] struct {
	ctx     context.Context
	cancel  context.CancelFunc
	fetch   pager[P]
	most    int
	queue   []*earlyPage[P] // in the order of the list
	running sync.WaitGroup
}

// An earlyPage is a page on its way.
type earlyPage[P any] struct {
	key    string
	cancel context.CancelFunc
	done   chan struct{} // closed once page and err are set
	page   *sheet[P]
	err    error
}

func prefetch[P any](ctx context.Context, most int, fetch pager[P]) *prefetcher[P] {
	p := &prefetcher[P]{fetch: fetch, most: most}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// stop ends what is under way, and returns when it has ended.
func (p *prefetcher[P]) stop() {
	p.cancel()
	p.running.Wait()
}

// get returns a page, and has those that should follow on their way.
func (p *prefetcher[P]) get(query url.Values) (*sheet[P], error) {
	page, err := p.take(query)
	if err == nil {
		p.fill(page)
	}
	return page, err
}

// take waits for a page that is on its way, or fetches one that is not.
func (p *prefetcher[P]) take(query url.Values) (*sheet[P], error) {
	if len(p.queue) == 0 || p.queue[0].key != pageKey(query) {
		p.drop()
		return p.fetch(p.ctx, query)
	}
	head := p.queue[0]
	p.queue = p.queue[1:]
	<-head.done
	head.cancel()
	return head.page, head.err
}

// drop gives up what is on its way, as it leads elsewhere.
func (p *prefetcher[P]) drop() {
	for _, early := range p.queue {
		early.cancel()
	}
	p.queue = nil
}

// fill asks for what should come after a page.
func (p *prefetcher[P]) fill(page *sheet[P]) {
	next, err := page.next.query()
	if page.next == "" || err != nil {
		p.drop()
		return
	}
	number := pageNumber(next)
	for len(p.queue) < p.most && !slices.ContainsFunc(p.queue, (*earlyPage[P]).isLast) {
		ahead := maps.Clone(next)
		if n := number + len(p.queue); n != number {
			if number == 0 || n < number || page.totalPages >= 0 && n > page.totalPages {
				return
			}
			ahead.Set("page", strconv.Itoa(n))
		}
		p.start(ahead)
	}
}

func (p *prefetcher[P]) start(query url.Values) {
	ctx, cancel := context.WithCancel(p.ctx)
	early := &earlyPage[P]{key: pageKey(query), cancel: cancel, done: make(chan struct{})}
	p.queue = append(p.queue, early)
	p.running.Go(func() {
		defer close(early.done)
		early.page, early.err = p.fetch(ctx, query)
	})
}

// isLast reports whether it is known that nothing comes after a page.
func (e *earlyPage[P]) isLast() bool {
	select {
	case <-e.done:
		return e.err != nil || e.page.next == ""
	default:
		return false
	}
}
