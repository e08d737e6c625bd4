package zipped

import (
	gopath "path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// plainMatch is matching as it is described: each "**" is any number of names.
func plainMatch(pattern, name []string) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == "**":
		return plainMatch(pattern[1:], name) || len(name) > 0 && plainMatch(pattern, name[1:])
	case len(name) == 0:
		return false
	}
	ok, err := gopath.Match(pattern[0], name[0])
	return ok && err == nil && plainMatch(pattern[1:], name[1:])
}

// Every pattern that is accepted matches what it says, in no more steps than there are
// pairs of a part and a name.
func FuzzMatch(f *testing.F) {
	for _, pattern := range []string{"a", "a/", "./a", "**/a", "a/**/b", "**/a/**/b/**", "a*", "[a-c]?/", `a\[`, "**", "./", ".", "a//b", "**/**/a", "a/**b", "*/"} {
		f.Add(pattern, "a/b/c")
		f.Add(pattern, "./a/b/")
	}
	f.Add(strings.Repeat("**/", 300)+"b", strings.Repeat("a/", 300))
	f.Add(strings.Repeat("*a", 300), strings.Repeat("a", 300)+"b")
	f.Fuzz(func(t *testing.T, text, name string) {
		if isBadPattern(text) {
			return
		}
		m := &member{name: name}
		all := patternsOf([]string{text})
		path := strings.Split(m.path(), "/")
		got := all.match(m, path)
		if strings.Count(text, "**") > 3 || len(path) > 20 {
			return // the plain way takes too long
		}
		parts := strings.Split(strings.TrimSuffix((&member{name: text}).path(), "/"), "/")
		if slices.Equal(parts, []string{"."}) {
			require.True(t, got, "it is everything")
			return
		}
		want := plainMatch(parts, path) && (!strings.HasSuffix(text, "/") || m.isDir())
		if last := parts[len(parts)-1]; strings.HasSuffix(text, "/") || !isWild(last) {
			for i := range path {
				want = want || plainMatch(parts, path[:i])
			}
		}
		require.Equal(t, want, got, "%q %q", text, name)
	})
}

func TestWildParts(t *testing.T) {
	for part, want := range map[string]bool{"a": false, "a*": true, "a?": true, "[a]": true, `a\*`: false, `a\[b\]`: false, `\\*`: true, "": false} {
		require.Equal(t, want, isWild(part), part)
	}
}
