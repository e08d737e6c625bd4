package cron_test

import (
	"testing"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/cron"
)

func TestNext(t *testing.T) {
	t.Parallel()
	const after = "2026-03-02T08:14:59Z" // a Monday
	for _, test := range []struct{ text, zone, want string }{
		{"* * * * *", "UTC", "2026-03-02T08:15:00Z"},
		{"*/10 * * * *", "UTC", "2026-03-02T08:20:00Z"},
		{"5/20 * * * *", "UTC", "2026-03-02T08:25:00Z"},
		{"14 8 * * *", "UTC", "2026-03-03T08:14:00Z"},
		{"0 1 * * *", "UTC", "2026-03-03T01:00:00Z"},
		{"0 1 * * *", "Asia/Tokyo", "2026-03-02T16:00:00Z"},
		{"30 2 * * 2-4,sat", "UTC", "2026-03-03T02:30:00Z"},
		{"0 0 * * 7", "UTC", "2026-03-08T00:00:00Z"},
		{"0 0 * * SUN", "UTC", "2026-03-08T00:00:00Z"},
		{"0 0 1 * *", "UTC", "2026-04-01T00:00:00Z"},
		{"0 0 13 * 5", "UTC", "2026-03-06T00:00:00Z"},
		{"0 0 1 jan *", "UTC", "2027-01-01T00:00:00Z"},
		{"0 0 29 2 *", "UTC", "2028-02-29T00:00:00Z"},
		{"0 0 31 4,6 *", "UTC", "0001-01-01T00:00:00Z"},
		{"30 2 * 3 *", "Europe/Berlin", "2026-03-03T01:30:00Z"},
		{"30 2 29 3 *", "Europe/Berlin", "2027-03-29T00:30:00Z"}, // which 2026 leaves out
		{"0 0 8 3 *", "America/Havana", "2027-03-08T05:00:00Z"},  // the same, of a midnight
	} {
		zone, ok := cron.Zone(test.zone)
		if !ok {
			t.Fatalf("no zone %s", test.zone)
		}
		s, ok := cron.Parse(test.text, zone)
		if !ok {
			t.Fatalf("%q cannot be read", test.text)
		}
		at, err := time.Parse(time.RFC3339, after)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Next(at).Format(time.RFC3339); got != test.want {
			t.Errorf("%s in %s: got %s, want %s", test.text, test.zone, got, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8", "x * * * *",
		"5-1 * * * *", "*/0 * * * *", "*/x * * * *", "1- * * * *", "-1 * * * *", ",1 * * * *", "@daily",
	} {
		if _, ok := cron.Parse(text, time.UTC); ok {
			t.Errorf("%q is read", text)
		}
	}
	for _, name := range []string{"", "Local", "Mars/Olympus", "../UTC"} {
		if _, ok := cron.Zone(name); ok {
			t.Errorf("%q is a zone", name)
		}
	}
}
