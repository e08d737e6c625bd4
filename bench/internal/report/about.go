package report

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// About says what was run, on what and when: call it first, for the load at the
// start. It names no host.
func About(args []string) Table {
	var t Table
	t.Head("", "")
	t.Row("Command", "`"+strings.Join(append([]string{"go run ./bench"}, args...), " ")+"`")
	t.Row("Date", time.Now().UTC().Format(time.DateOnly))
	t.Row("gitlabci", commit())
	t.Row("client-go", version("gitlab.com/gitlab-org/api/client-go/v2")+", with its default settings")
	t.Row("Go", strings.TrimPrefix(runtime.Version(), "go")+", "+runtime.GOOS+"/"+runtime.GOARCH)
	t.Row("Machine", fmt.Sprintf("%s; %d cores, %s of memory, load %s at the start", line("/proc/cpuinfo", "model name"), runtime.NumCPU(), memorySize(), load()))
	kernel, _, _ := strings.Cut(file("/proc/sys/kernel/osrelease"), "-")
	t.Row("System", strings.Trim(line("/etc/os-release", "PRETTY_NAME"), `"`)+", kernel "+kernel)
	return t
}

// commit is the one that the working directory is of. Changes that are not committed
// count, except to the report itself.
func commit() string {
	revision, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown: this is no clone of its repository"
	}
	changes, err := git("status", "--porcelain", "--", ":(top)", ":(top,exclude)BENCHMARKS.md")
	if changes != "" || err != nil {
		revision += "+changes"
	}
	return "commit " + revision
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	return strings.TrimSpace(string(out)), err
}

// version is that of a module in this program.
func version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == module {
				return dep.Version
			}
		}
	}
	return "unknown"
}

// file is the text of a small file, or "unknown": other systems have others.
func file(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// line is the value behind a name in a file of names and values.
func line(name, key string) string {
	for text := range strings.Lines(file(name)) {
		if rest, found := strings.CutPrefix(text, key); found {
			return strings.TrimSpace(strings.TrimLeft(rest, " \t:="))
		}
	}
	return "unknown"
}

func memorySize() string {
	var kilobytes int64
	if _, err := fmt.Sscan(line("/proc/meminfo", "MemTotal"), &kilobytes); err != nil {
		return "unknown size"
	}
	return fmt.Sprintf("%.0f GiB", float64(kilobytes)/(1<<20))
}

func load() string {
	one, _, _ := strings.Cut(file("/proc/loadavg"), " ")
	return one
}
