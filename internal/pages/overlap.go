package pages

import "net/url"

const (
	// Overlapping pages are at least this large: with smaller ones, a walk hardly
	// advances.
	smallestOverlap = 20

	// GitLab has no larger pages. A server that claims to is not believed: it
	// would not serve overlaps of that size, and they take long to compute.
	largestPage = 100
)

// An overlap says whether pages begin a little before the end of the previous one.
type overlap int

const (
	unneeded   overlap = iota // the totals show what was removed
	needed                    // they do not
	impossible                // the order is not known, or the server ignores the requested page size
)

// plausible is a page size as the server reports it, or 0 if GitLab has no such
// pages.
func plausible(size int) int {
	if size > largestPage {
		return 0
	}
	return size
}

// onward is the place that a page links to, or one that begins a little before
// it.
func (d *drift) onward(s *served, link *place) *place {
	if d.overlap != needed || s.size < 1 || len(s.keys) < 1 || s.at.number < 1 || link.number < 1 {
		return link
	}
	number, size := d.overlapAfter((s.at.number-1)*s.size + len(s.keys))
	if number < 1 {
		return link
	}
	return &place{query: withPage(link.query, number, size), number: number, link: link}
}

// planOverlaps yields the queries of the pages that overlap, after the place
// from, in a list of total items, or -1.
func (d *drift) planOverlaps(from *place, total int, yield func(url.Values) bool) {
	number, size := from.number, from.size()
	for {
		end := number * size
		number, size = d.overlapAfter(end)
		if number < 1 || total >= 0 && end >= total || !yield(withPage(from.query, number, size)) {
			return
		}
	}
}

// overlapAfter is the page after the first n items of a list that overlaps them.
func (d *drift) overlapAfter(n int) (number, size int) {
	return overlapAfter(n, max(d.size, smallestOverlap))
}

// overlapAfter returns the page that has at least one of the first n items of a
// list and, with at most the size given, the most of those after them. The number
// is 0 if there is no such page.
func overlapAfter(n, most int) (number, size int) {
	for s, end := most, n; s > most/2; s-- {
		before := (n - 1) / s
		if (before+1)*s > end {
			number, size, end = before+1, s, (before+1)*s
		}
	}
	return number, size
}
