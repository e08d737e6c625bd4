package main

import (
	"fmt"
	"strings"
	"testing"

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
