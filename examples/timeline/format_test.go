package main

import (
	"testing"
	"time"
)

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0.4s", 9900 * time.Millisecond: "9.9s", 10*time.Second + 600*time.Millisecond: "11s", 59 * time.Second: "59s", time.Minute - time.Millisecond: "1m",
		time.Minute: "1m", 61 * time.Second: "1m 1s", time.Hour: "1h", 90 * time.Minute: "1h 30m", 47 * time.Hour: "47h", 50 * time.Hour: "2d 2h", -time.Minute: "-1m",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}

func TestLink(t *testing.T) {
	for url, want := range map[string]string{
		"https://gitlab.com/a/b/-/jobs/1": "https://gitlab.com/a/b/-/jobs/1", "http://localhost/x": "http://localhost/x",
		"javascript:alert(1)": "#", "data:text/html,x": "#", "//host/x": "#", "/x": "#", "": "#", "https:x": "#", "%": "#",
	} {
		if got := link(url); got != want {
			t.Errorf("%q: %q", url, got)
		}
	}
}
