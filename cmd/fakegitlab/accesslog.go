package main

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/gitlabci/gitlabcitest"
)

// filtered stands for a secret.
const filtered = "FILTERED"

// An accessLog writes a line for each request: time, method, path and query,
// status, and how long it took. It marks endpoints that the fake does not know.
type accessLog struct {
	mu     sync.Mutex // for whole lines
	w      io.Writer
	hidden *strings.Replacer // of the server's token, in any place
}

func newAccessLog(w io.Writer, token string) *accessLog {
	return &accessLog{w: w, hidden: strings.NewReplacer(token, filtered, url.QueryEscape(token), filtered)}
}

func (l *accessLog) write(r gitlabcitest.Request, took time.Duration) {
	target := r.Path
	if query := masked(r.Query); query != "" {
		target += "?" + query
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	note := ""
	if r.Unknown {
		note = " unknown to the fake"
	}
	fmt.Fprintf(l.w, "%s %s %s %d %v%s\n", time.Now().Format(time.TimeOnly), r.Method, l.hidden.Replace(target), r.Status, took.Round(10*time.Microsecond), note)
}

// masked is a query without the values of tokens, signatures and the like.
func masked(query url.Values) string {
	shown := maps.Clone(query)
	for name := range shown {
		if secret(name) {
			shown[name] = []string{filtered}
		}
	}
	return shown.Encode()
}

func secret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"token", "signature", "credential", "password", "secret"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}
