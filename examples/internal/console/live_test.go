package console_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci/examples/internal/console"
)

// Lines replace those before them, and what is written stays above them.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		live, n := console.NewLive(&out), 2
		stop := live.Animate(func() []string {
			lines := []string{"\x1b[31m" + strings.Repeat("x", 90) + "\x1b[0m", "b"}[:n]
			n--
			return lines
		})
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		fmt.Fprintln(live, "above")
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		long := "\x1b[2K\x1b[31m" + strings.Repeat("x", 80) + "\x1b[0m\n"
		want := "\r" + long + "\x1b[2Kb\n\x1b[J" + "\r\x1b[2A\x1b[J\x1b[2Kabove\n" + long + "\x1b[2Kb\n\x1b[J" + "\r\x1b[2A" + long + "\x1b[J"
		if out.String() != want {
			t.Errorf("%q\nis not\n%q", &out, want)
		}
	})
}

func TestTimeBar(t *testing.T) {
	begin := time.Now()
	for seconds, want := range map[[2]time.Duration]string{{0, 10}: "██████████", {5, 7}: "     ██", {10, 10}: "         █", {-5, 3}: "███", {9, 99}: "         █"} {
		got := console.TimeBar(10, begin, begin.Add(10*time.Second), begin.Add(seconds[0]*time.Second), begin.Add(seconds[1]*time.Second))
		if got != want {
			t.Errorf("%v is %q", seconds, got)
		}
	}
}
