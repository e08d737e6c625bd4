package pages

const (
	// Overlapping pages are at least this large, if the server has such pages: with
	// smaller ones, a walk hardly advances.
	smallestOverlap = 20

	// Pages of fewer items than that cannot overlap, and advance.
	smallestLimit = 3

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

// sizeOf is the size of the list's pages by what the server reports, or 0 if unknown.
// A server that has a limit of its own may report none, or the size that was
// requested. Then a page that has fewer items, although there are more, shows it.
func (d *drift) sizeOf(s *served, reported int) int {
	size := plausible(reported)
	if reported == 0 && d.ascends { // other lists need no size if they do not overlap
		size = plausible(s.at.size())
	}
	if s.more && 0 < len(s.keys) && len(s.keys) < size {
		d.limit(s.at, len(s.keys))
		return len(s.keys)
	}
	return size
}

// differs deals with a page that should overlap the one before it, but does not have
// the requested size. If the server has a limit of its own, pages within that limit
// are requested. Otherwise, pages cannot overlap, and the link decides.
func (d *drift) differs(s *served) *place {
	d.limited++
	if d.limited <= fewFruitless && d.limit(s.at, s.size) {
		if number, size := d.overlapAfter(d.end); number > 0 {
			return &place{query: withPage(s.at.query, number, size), number: number, link: s.at.link}
		}
	}
	d.overlap = impossible
	return s.at.link
}

// limit notes that a page has fewer items than requested, and reports whether it
// does.
func (d *drift) limit(at *place, size int) bool {
	if size < 1 || size >= at.size() {
		return false
	}
	if d.cap == 0 || size < d.cap {
		d.cap = size
	}
	return true
}

// onward is the place that a page links to, or one that begins a little before
// it.
func (d *drift) onward(s *served, link *place) *place {
	if d.cap > 0 && d.cap < smallestLimit {
		d.overlap = impossible
	}
	if d.overlap != needed || s.size < 1 || len(s.keys) < 1 || s.at.number < 1 || link.number < 1 {
		return link
	}
	d.end = (s.at.number-1)*s.size + len(s.keys)
	number, size := d.overlapAfter(d.end)
	if number < 1 {
		return link
	}
	return &place{query: withPage(link.query, number, size), number: number, link: link}
}

// planOverlaps yields the pages that overlap, after the place from, in a list of total
// items, or -1.
func (d *drift) planOverlaps(from *place, total int, yield func(*place) bool) {
	number, size := from.number, from.size()
	for {
		end := number * size
		number, size = d.overlapAfter(end)
		if number < 1 || total >= 0 && end >= total || !yield(&place{query: withPage(from.query, number, size)}) {
			return
		}
	}
}

// overlapAfter is the page after the first n items of a list that overlaps them.
func (d *drift) overlapAfter(n int) (number, size int) {
	most := max(d.size, smallestOverlap)
	if d.cap > 0 {
		most = min(most, d.cap)
	}
	return overlapAfter(n, most)
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
