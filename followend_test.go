package gitlabci_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// Storage that is asked for what lies behind the end of a log answers 416. That
// is no failure: it says that the log is shorter than it was.
func TestFollowLogIsNotSatisfiable(t *testing.T) {
	for _, after := range []string{"", "short\n", numbered(900)} {
		t.Run(fmt.Sprint(len(after)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun, before := time.Now(), numbered(1000)
				s := newScript(func(w http.ResponseWriter, r *http.Request) {
					log, status := before, gitlabci.StatusRunning
					if time.Since(begun) > 3500*time.Millisecond {
						log = after
					}
					if time.Since(begun) > time.Minute {
						status = gitlabci.StatusSuccess
					}
					if !strings.HasSuffix(r.URL.Path, "trace") {
						answer(200, fmt.Sprintf(`{"status":%q,"started_at":"2026-01-01T00:00:00Z"}`, status))(w, r)
						return
					}
					storedLog(log)(w, r)
				})
				var out strings.Builder
				job, err := s.client(t).Jobs.FollowLog(t.Context(), "group/app", 7, &out, nil)
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusSuccess, job.Status)
				require.Equal(t, before+changedLine(0)+after, out.String())
			})
		})
	}
}

// storedLog is a step: a log of which storage sends parts, or 416.
func storedLog(log string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		offset, limit := 0, len(log)
		fmt.Sscan(r.URL.Query().Get("byte_offset"), &offset)
		fmt.Sscan(r.URL.Query().Get("byte_limit"), &limit)
		if r.URL.RawQuery != "" && offset >= len(log) {
			answer(http.StatusRequestedRangeNotSatisfiable, "")(w, r)
			return
		}
		logAnswer(log[offset:min(offset+limit, len(log))])(w, r)
	}
}
