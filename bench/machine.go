package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// aboutRun tells what was run, on what and when. It names no host.
func aboutRun(args []string) string {
	var t table
	t.head("", "")
	t.row("Command", "`"+strings.Join(append([]string{"go run ./bench"}, args...), " ")+"`")
	t.row("Date", time.Now().UTC().Format(time.DateOnly))
	t.row("gitlabci", "as it is in this directory")
	t.row("client-go", version("gitlab.com/gitlab-org/api/client-go/v2")+", with its default settings")
	t.row("Go", strings.TrimPrefix(runtime.Version(), "go")+", "+runtime.GOOS+"/"+runtime.GOARCH)
	t.row("Machine", fmt.Sprintf("%s; %d cores, %s of memory, load %s at the start", line("/proc/cpuinfo", "model name"), runtime.NumCPU(), memorySize(), load()))
	kernel, _, _ := strings.Cut(file("/proc/sys/kernel/osrelease"), "-")
	t.row("System", strings.Trim(line("/etc/os-release", "PRETTY_NAME"), `"`)+", kernel "+kernel)
	return t.String() + "\n"
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
