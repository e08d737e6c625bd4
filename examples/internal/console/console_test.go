package console_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
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

func TestTimes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s, ", 45 * time.Second: "45s, 45s", 90 * time.Second: "2m, 1m30s", 3 * time.Hour: "3h, 3h0m",
		100*time.Minute + 20*time.Second: "2h, 1h40m", 12 * 24 * time.Hour: "12d, 288h0m",
	} {
		if got := console.Ago(d) + ", " + console.Took(d); got != want {
			t.Errorf("%v is %s, not %s", d, got, want)
		}
	}
	if got := console.InTime(1900*time.Millisecond) + "," + console.InTime(2*time.Second); got != ", in 2s" {
		t.Error(got)
	}
}

// An error has one exit code, whatever it wraps. An interrupt comes before the error's own.
func TestCode(t *testing.T) {
	own := console.WithCode(3, errors.New("some failed"))
	ended, end := context.WithCancel(t.Context())
	end()
	for _, test := range []struct {
		ctx   context.Context
		err   error
		code  int
		notes string
	}{
		{t.Context(), nil, 0, ""},
		{ended, nil, 0, ""},
		{t.Context(), flag.ErrHelp, 0, ""},
		{t.Context(), errors.New("x"), 1, "run: x\n"},
		{t.Context(), console.Usage("no %s", "project"), 2, "run: no project (see -h)\n"},
		{t.Context(), fmt.Errorf("in the end: %w", own), 3, "run: in the end: some failed\n"},
		{ended, own, 130, "run: some failed\n"},
		{ended, console.Usage("x"), 2, "run: x (see -h)\n"},
	} {
		var notes bytes.Buffer
		command := console.Command("run", func(context.Context, []string, io.Writer, io.Writer) error { return test.err })
		if code := command(test.ctx, nil, io.Discard, &notes); code != test.code || notes.String() != test.notes {
			t.Errorf("%v: %d, %q", test.err, code, &notes)
		}
	}
}

func TestParseProject(t *testing.T) {
	for args, want := range map[string]string{
		"group/team": "group/team", "-demo": "group/app", "-demo group/team": "group/team",
		"": "name one project, such as group/app (see -h)", "a b": "name one project, such as group/app (see -h)",
		"-none": "flag provided but not defined: -none (see -h)", "-h": "flag: help requested",
	} {
		flags := flag.NewFlagSet("run", flag.ContinueOnError)
		flags.Bool("demo", false, "on a fake")
		var help bytes.Buffer
		project, err := console.ParseProject(flags, "Run runs.\n", strings.Fields(args), &help)
		if got := string(project); err == nil && got != want || err != nil && err.Error() != want {
			t.Errorf("%s: %s (%v)", args, got, err)
		}
		if printed := strings.HasPrefix(help.String(), "Run runs.\n  -demo\n"); printed != (args == "-h") {
			t.Errorf("%s prints %s", args, &help)
		}
	}
}
