package remote_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"example.com/gitlabci/internal/remote"
	"github.com/stretchr/testify/require"
)

const partsTail = 256 << 10 // what is requested of an archive at first

// partsText has parts that are read alone: more than what is read ahead, before the tail.
var partsText = strings.Repeat("0123456789abcdef", 5<<16)

// span is a part of partsText as the storage sends it.
func span(first, end int, header ...string) reply {
	head := append(header, fmt.Sprintf("Content-Range: bytes %d-%d/%d", first, end-1, len(partsText)))
	return reply{status: 206, body: partsText[first:end], header: strings.Join(head, "\n"), host: "storage"}
}

// shortened is a reply that is cut after some bytes.
func shortened(r reply, bytes int) reply {
	r.length, r.body, r.cut = int64(len(r.body)), r.body[:bytes], errReset
	return r
}

type partsOpenCase struct {
	replies []reply
	asked   []string
	waits   []int
	tail    int
	err     string
}

func partsOpenCases() map[string]partsOpenCase {
	size := len(partsText)
	tail := span(size-partsTail, size)
	half := span(size-(80<<10), size)
	const suffix = "bytes=-262144 api"
	return map[string]partsOpenCase{
		"at once": {replies: []reply{tail}, asked: []string{suffix}, tail: partsTail},
		"after an interruption": {
			replies: []reply{shortened(tail, 160<<10), half},
			asked:   []string{suffix, fmt.Sprintf("bytes=%d-%d api", size-(80<<10), size-1)}, waits: []int{1}, tail: 80 << 10,
		},
		"nothing comes": {
			replies: []reply{shortened(tail, 0), shortened(tail, 0), shortened(tail, 0)},
			waits:   []int{1, 2, 3}, err: fmt.Sprintf("gitlabci: GET /f: at byte %d of %d: connection reset", size-partsTail, size),
		},
		"no suffix": {
			replies: []reply{{refuse: 416}, span(0, 1), tail},
			asked:   []string{suffix, "bytes=0-0 api", fmt.Sprintf("bytes=%d-%d storage", size-partsTail, size-1)}, tail: partsTail,
		},
		"no ranges":      {replies: []reply{{refuse: 501}, {refuse: 416}}, err: remote.ErrNoParts.Error()},
		"no length":      {replies: []reply{{body: "x", length: -1}}, err: remote.ErrNoParts.Error()},
		"a small whole":  {replies: []reply{{body: "0123"}}, asked: []string{suffix}, tail: 4},
		"a page":         {replies: []reply{{body: "<p>", header: "Content-Type: text/html"}}, err: "this is a page"},
		"another status": {replies: []reply{{status: 204}}, err: "204 No Content is neither the archive nor a part of it"},
		"not the end":    {replies: []reply{span(0, 100)}, err: "is not the end of the archive"},
	}
}

// An archive is opened by its end, which comes in one response however often that is
// interrupted, and smaller each time.
func TestPartsOpen(t *testing.T) {
	size := len(partsText)
	for name, test := range partsOpenCases() {
		t.Run(name, func(t *testing.T) {
			s := &scripted{t: t, replies: test.replies, tries: 3}
			parts, end, err := remote.OpenParts(t.Context(), s, true)
			if test.waits != nil {
				require.Equal(t, test.waits, s.waits)
			}
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.asked, s.asked)
			require.Len(t, end, test.tail)
			if test.tail > 4 {
				require.EqualValues(t, size, parts.Size())
				require.True(t, partsText[size-test.tail:] == string(end))
			}
		})
	}
}

type partsResumeCase struct {
	replies []reply
	asked   []string
	waits   []int
	err     string
}

func partsResumeCases() map[string]partsResumeCase {
	const first, end = 1000, 1000 + (2 << 20)
	size := len(partsText)
	long := fmt.Sprintf("bytes=%d-%d", first, end-1)
	rest := fmt.Sprintf("bytes=%d-%d", first+10, end-1)
	return map[string]partsResumeCase{
		"at once":      {replies: []reply{span(first, end)}, asked: []string{long + " storage"}},
		"expired":      {replies: []reply{{refuse: 403}, span(first, end)}, asked: []string{long + " storage", long + " api"}},
		"unreachable":  {replies: []reply{{refuse: -1}, span(first, end)}, asked: []string{long + " storage", long + " api"}},
		"gone":         {replies: []reply{{refuse: 403}, {refuse: 404}}, err: "refused with 404"},
		"interrupted":  {replies: []reply{shortened(span(first, end), 10), span(first+10, end)}, asked: []string{long + " storage", rest + " api"}, waits: []int{1}},
		"in two parts": {replies: []reply{span(first, first+10), span(first+10, end)}, asked: []string{long + " storage", rest + " api"}, waits: []int{1}},
		"nothing": {
			replies: []reply{shortened(span(first, end), 0), shortened(span(first, end), 0), shortened(span(first, end), 0)},
			waits:   []int{1, 2, 3}, err: fmt.Sprintf("gitlabci: GET /f: at byte %d of %d: connection reset", first, size),
		},
		"the whole":    {replies: []reply{{body: partsText, host: "storage"}}, err: remote.ErrNoParts.Error()},
		"another size": {replies: []reply{{status: 206, body: "x", header: "Content-Range: bytes 1000-1000/2000"}}, err: "the archive changed while it was read: it has 2000 bytes now"},
		"other bytes":  {replies: []reply{span(first+1, end)}, err: "were requested"},
		"another tag":  {replies: []reply{span(first, end, "Etag: \"b\"")}, err: "the archive changed while it was read"},
	}
}

// A part resumes at its first missing byte. It is requested from the storage first, and
// through the API after an interruption or a refusal.
func TestPartsResume(t *testing.T) {
	const first, end = 1000, 1000 + (2 << 20)
	size := len(partsText)
	for name, test := range partsResumeCases() {
		t.Run(name, func(t *testing.T) {
			s := &scripted{t: t, replies: append([]reply{span(size-partsTail, size)}, test.replies...), tries: 3}
			if name == "another tag" {
				s.replies[0].header += "\nEtag: \"a\""
			}
			parts, _, err := remote.OpenParts(t.Context(), s, true)
			require.NoError(t, err)
			section := parts.Section(t.Context(), first, end)
			text, err := io.ReadAll(section)
			if test.waits != nil {
				require.Equal(t, test.waits, s.waits)
			}
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.True(t, partsText[first:end] == string(text))
			require.Equal(t, test.asked, s.asked[1:])
			require.NoError(t, section.Close())
		})
	}
}

// Small parts that follow one another come with ever fewer requests.
func TestPartsAhead(t *testing.T) {
	size := len(partsText)
	const start, first, next = 5000, 5100, 70_600 // the last small part that does not come whole
	s := &scripted{t: t, tries: 3, replies: []reply{
		span(size-partsTail, size), span(start, first), span(first, first+(64<<10)), span(next, next+(128<<10)),
	}}
	parts, _, err := remote.OpenParts(t.Context(), s, true)
	require.NoError(t, err)
	for at := int64(start); at < start+(100<<10); at += 100 {
		section := parts.Section(t.Context(), at, at+100)
		text, err := io.ReadAll(section)
		require.NoError(t, err)
		require.True(t, partsText[at:at+100] == string(text), "at %d", at)
		require.NoError(t, section.Close())
	}
	require.Len(t, s.asked, 4)
}

// What is read before the tail comes with the tail in one response, and is refused if
// that is another one.
func TestPartsBefore(t *testing.T) {
	size := len(partsText)
	at := size - partsTail - 100
	for name, changed := range map[string]bool{"the same": false, "changed": true} {
		t.Run(name, func(t *testing.T) {
			whole := span(at, size)
			s := &scripted{t: t, tries: 3, replies: []reply{span(size-partsTail, size), shortened(whole, 1000), whole}}
			if changed {
				s.replies[2].body = whole.body[:200] + "x" + whole.body[201:]
			}
			parts, tail, err := remote.OpenParts(t.Context(), s, true)
			require.NoError(t, err)
			before, err := parts.Before(t.Context(), int64(at), tail)
			if changed {
				require.ErrorContains(t, err, "the archive changed while it was read")
				return
			}
			require.NoError(t, err)
			require.Equal(t, partsText[at:at+100], string(before))
		})
	}
}

// Without a proof that the next part would be of the same archive, it must come whole.
func TestPartsOfAnArchiveThatIsReplaced(t *testing.T) {
	size := len(partsText)
	api := span(size-partsTail, size)
	api.host = ""
	s := &scripted{t: t, tries: 3, replies: []reply{api}}
	_, _, err := remote.OpenParts(t.Context(), s, false)
	require.ErrorIs(t, err, remote.ErrNoParts)

	s = &scripted{t: t, tries: 3, replies: []reply{{body: "0123"}}}
	parts, tail, err := remote.OpenParts(t.Context(), s, false)
	require.NoError(t, err)
	require.Equal(t, "0123", string(tail))
	from, name := parts.Label()
	require.Equal(t, "GET /f", from)
	require.Equal(t, "f.bin", name)
	require.NoError(t, parts.Close())

	moved := span(0, 2<<20)
	moved.host = "elsewhere"
	s = &scripted{t: t, tries: 3, replies: []reply{span(size-partsTail, size), moved}}
	parts, _, err = remote.OpenParts(t.Context(), s, false)
	require.NoError(t, err)
	_, err = io.ReadAll(parts.Section(t.Context(), 0, 2<<20))
	require.ErrorContains(t, err, "the archive changed while it was read")
}
