package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/gitlabci"
)

func TestAxis(t *testing.T) {
	for name, test := range map[string]struct {
		jobs  []*gitlabci.Job
		x     map[int]float64 // of seconds
		ticks string
	}{
		"nothing":     {nil, map[int]float64{-5: 0, 0: 0, 1: 100, 9: 100}, "0 +0s"},
		"one job":     {[]*gitlabci.Job{job(1, "a", "a", "success", 0, 0, 60)}, map[int]float64{0: 0, 15: 25, 60: 100, 61: 100}, "0 +0s, 17 +10s, 33 +20s, 50 +30s, 67 +40s, 83 +50s"},
		"short pause": {[]*gitlabci.Job{job(1, "a", "a", "success", 0, 0, 40), job(2, "b", "b", "success", 0, 50, 100)}, map[int]float64{45: 45, 100: 100}, "0 +0s, 15 +15s, 30 +30s, 45 +45s, 60 +1m, 75 +1m 15s, 90 +1m 30s"},
		"long pause": {
			[]*gitlabci.Job{job(1, "a", "a", "success", 0, 0, 46), job(2, "b", "b", "success", 0, 86446, 86492)},
			map[int]float64{0: 0, 46: 50 * 92 / 99.36, 43246: 50, 86446: 100 - 50*92/99.36, 86492: 100},
			"0 +0s, 15 +15s, 30 +30s, 45 +45s, 46+7 24h idle, 68 +24:01:00, 83 +24:01:15",
		},
		"a week": {[]*gitlabci.Job{job(1, "a", "a", "success", 0, 0, 14*86400)}, nil, "0 +0s, 50 +7d"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAxis(newChart(&reading{At: at(100), Tree: tree(1, test.jobs...)}))
			for second, want := range test.x {
				if got := a.x(at(second)); got < want-0.01 || got > want+0.01 {
					t.Errorf("second %d is at %v, not %v", second, got, want)
				}
			}
			var ticks []string
			for _, one := range a.ticks() {
				text := fmt.Sprintf("%.0f %s", one.X, one.Label)
				if one.Width > 0 {
					text = fmt.Sprintf("%.0f+%.0f %s", one.X, one.Width, one.Label)
				}
				ticks = append(ticks, text)
			}
			if got := strings.Join(ticks, ", "); got != test.ticks {
				t.Errorf("the ticks are %s", got)
			}
		})
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0.4s", 9900 * time.Millisecond: "9.9s", 10*time.Second + 600*time.Millisecond: "11s", 59 * time.Second: "59s", time.Minute - time.Millisecond: "1m",
		time.Minute: "1m", 61 * time.Second: "1m 1s", time.Hour: "1h", 90 * time.Minute: "1h 30m", 47 * time.Hour: "47h", 50 * time.Hour: "2d 2h", -time.Minute: "-1m",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
	for url, want := range map[string]string{
		"https://gitlab.com/a/b/-/jobs/1": "https://gitlab.com/a/b/-/jobs/1", "http://localhost/x": "http://localhost/x",
		"javascript:alert(1)": "#", "data:text/html,x": "#", "//host/x": "#", "/x": "#", "": "#", "https:x": "#", "%": "#",
	} {
		if got := link(url); got != want {
			t.Errorf("%q: %q", url, got)
		}
	}
}
