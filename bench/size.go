package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/work"
)

const (
	helloBytes   = 7_000_000
	helloModules = 3
)

const sizeIntroduction = `## Size

The programs in ` + "`bench/hello`" + ` print pipelines and their jobs; the one of net/http
prints the first page of each, and handles no failures. They are
built by ` + "`go build -trimpath -ldflags=\"-s -w\"`" + `; a cold build has an empty cache,
so it compiles the standard library too, but has all modules.

`

// A program is one that lists pipelines and their jobs.
type program struct {
	name, folder string
	bytes        int64
	outside      []string // packages it links that are not of the standard library
	modules      int      // that those are of, without gitlabci
	inside       int      // and how many are
	build        time.Duration
}

// sizes builds programs that do the same with each client.
func sizes(ctx context.Context, b *bench) (string, error) {
	programs := []*program{{name: work.Ours, folder: "gitlabci"}, {name: work.Theirs, folder: "clientgo"}, {name: work.Bare, folder: "nethttp"}}
	var t report.Table
	t.Head("", "Binary", "Modules outside std", "Packages outside std", "Packages of std", "Cold build")
	for _, p := range programs {
		b.say("build the program of %s", p.name)
		if err := p.measure(ctx, b.cold); err != nil {
			return "", err
		}
		t.Row(p.name, report.Megabytes(p.bytes), fmt.Sprint(p.modules), fmt.Sprint(len(p.outside)), fmt.Sprint(p.inside), report.Duration(p.build.Seconds()))
	}
	ours, theirs := programs[0], programs[1]
	b.verdicts.Compare("Hello program, size", float64(ours.bytes), float64(theirs.bytes), "")
	b.verdicts.Compare("Hello program, modules", float64(ours.modules), float64(theirs.modules), "")
	b.verdicts.Compare("Hello program, cold build", ours.build.Seconds(), theirs.build.Seconds(), "")
	b.verdicts.Figure(report.Target{
		Work:  "hello program, stripped",
		Limit: "≤ 7.0 MB",
		Why: "with net/http alone it has 6.2 MB. go-retryablehttp and the regular expressions that it compiles add 0.29 MB, client " +
			"certificates from the environment 0.17, and log/slog 0.10. That leaves 0.24 MB for the SDK's own packages, which need three times as much.",
	}, report.Megabytes(ours.bytes), ours.bytes <= helloBytes)
	b.verdicts.Figure(report.Target{
		Work:  "hello program, modules outside std",
		Limit: "≤ 3, beside gitlabci",
		Why:   "a module more is linked than the SDK has reasons for, which is a fault.",
	}, fmt.Sprint(ours.modules), ours.modules <= helloModules)
	return sizeIntroduction + t.String() +
		"\nWhat gitlabci's program links from outside the standard library:\n\n" + bullets(ours.outside) + "\n", nil
}

func bullets(lines []string) string { return "- `" + strings.Join(lines, "`\n- `") + "`\n" }

func (p *program) measure(ctx context.Context, cold bool) (err error) {
	pkg := "example.com/gitlabci/bench/hello/" + p.folder
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	args, env := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "hello")}, os.Environ() // paths take room too
	if cold {
		env = append(env, "GOCACHE="+filepath.Join(dir, "cache"))
	}
	start := time.Now()
	if _, err := goTool(ctx, env, append(args, pkg)...); err != nil {
		return err
	}
	p.build = time.Since(start)
	built, err := os.Stat(filepath.Join(dir, "hello"))
	if err != nil {
		return err
	}
	p.bytes = built.Size()
	return p.list(ctx, pkg)
}

// list finds the packages that a program links, without its own.
func (p *program) list(ctx context.Context, pkg string) error {
	deps, err := goTool(ctx, os.Environ(), "list", "-deps", "-f", "{{.ImportPath}} {{with .Module}}{{.Path}}{{end}}", pkg)
	if err != nil {
		return err
	}
	modules := map[string]bool{}
	for line := range strings.Lines(deps) {
		name, module, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case module == "": // of the standard library
			p.inside++
		case name != pkg:
			p.outside = append(p.outside, name)
			modules[module] = true
		}
	}
	delete(modules, "example.com/gitlabci")
	p.modules = len(modules)
	return nil
}

func goTool(ctx context.Context, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = env
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, &problems)
	}
	return string(out), nil
}
