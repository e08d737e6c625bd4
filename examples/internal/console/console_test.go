package console_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

func TestAge(t *testing.T) {
	for text, want := range map[string]time.Duration{"90d": 2160 * time.Hour, "2w": 336 * time.Hour, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute, "0d": 0} {
		var age console.Age
		if err := age.Set(text); err != nil || time.Duration(age) != want {
			t.Errorf("%s is %v (%v)", text, age, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "-1h", "1.5d", "90", "99999999d", "1y"} {
		age := console.Age(time.Hour)
		if err := age.Set(text); err == nil || age != console.Age(time.Hour) {
			t.Errorf("%q is %v", text, age)
		}
	}
	for text, age := range map[string]time.Duration{"90d": 2160 * time.Hour, "36h0m0s": 36 * time.Hour, "0s": 0} {
		if a := console.Age(age); a.String() != text {
			t.Errorf("%s is not %s", a.String(), text)
		}
	}
}

// Without a terminal there are neither bars nor escape codes, but a line now and then.
func TestNotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		notes := console.NewNotes(&out)
		bar := notes.NewBar("build\x1b[2J.zip", progress.UnitsBytes)
		for i := range int64(25) {
			bar.Set(i*1_000_000, 24_000_000)
			time.Sleep(time.Second)
		}
		bar.Set(3, -1)
		notes.Wait(t.Context(), gitlabci.WaitInfo{Reason: gitlabci.WaitReasonRetry, Duration: time.Second})
		notes.Wait(t.Context(), gitlabci.WaitInfo{Reason: gitlabci.WaitReasonRateLimit, Duration: time.Minute})
		bar.End()
		want := "build?[2J.zip: 10.00MB of 24.00MB after 10s\nbuild?[2J.zip: 20.00MB of 24.00MB after 20s\nwaiting for 1m0s: rate limit\n"
		if out.String() != want || bar.Took() != 25*time.Second {
			t.Errorf("%v: %s", bar.Took(), &out)
		}
	})
}
