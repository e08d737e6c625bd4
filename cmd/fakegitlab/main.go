// Fakegitlab serves a GitLab in memory, with a demo project, to any client of GitLab's
// API. The flag -h explains how to use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"example.com/gitlabci/gitlabcitest"
)

const usage = `Fakegitlab is a GitLab in memory, to try and to test clients of the GitLab CI
API in any language. Pipelines that clients create run by a script, and so do
jobs that they retry or play. All data are lost when the program ends. It serves
two projects:

	group/app     ID 1: some hundreds of pipelines of branches, tags and merge
	              requests, with their jobs, logs, artifacts and test reports,
	              a pipeline schedule and a CI/CD variable
	group/deploy  ID 2: the pipelines that those of group/app start

	fakegitlab [flags]

It prints the settings for clients, one NAME=value a line, with the names of
environment variables that many clients read. It logs requests to standard
error. A request to an unknown endpoint is marked "unknown to the fake" in the
log, and in the header X-Gitlabcitest. An interrupt ends the program.

Flags:
`

const examples = `
Examples, for the default flags:

	# the newest failed pipelines
	curl -H "PRIVATE-TOKEN: fake-token" "http://127.0.0.1:8080/api/v4/projects/group%2Fapp/pipelines?status=failed"

	# start a pipeline, which then runs for some minutes
	curl -X POST -H "PRIVATE-TOKEN: fake-token" "http://127.0.0.1:8080/api/v4/projects/group%2Fapp/pipeline?ref=main"

	# receive signed events of pipelines, jobs and deployments
	fakegitlab -hook http://127.0.0.1:9000/hook -hook-signing-token whsec_$(head -c 32 /dev/zero | base64)

	# the archive of the newest successful build on main
	curl -L -H "PRIVATE-TOKEN: fake-token" -o build.zip "http://127.0.0.1:8080/api/v4/projects/group%2Fapp/jobs/artifacts/main/download?job=build"
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "fakegitlab:", err)
		os.Exit(1)
	}
}

// run serves until the context ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	settings, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	sockets, err := listen(settings)
	if err != nil {
		return err
	}
	address := "http://" + named(sockets.api.Addr().String())
	srv := gitlabcitest.NewServer(append(settings.options,
		gitlabcitest.WithExternalURL(address),
		gitlabcitest.WithRequestLog(0),
		gitlabcitest.WithOnRequest(newAccessLog(stderr, settings.token).write),
	)...)
	addDemo(srv, settings)
	if _, err := srv.StartOn(sockets.api, sockets.storage); err != nil {
		return err
	}
	defer srv.Close()
	announce(stdout, settings, sockets, address)
	<-ctx.Done()
	return nil
}

// announce prints where the server is, in one piece.
func announce(w io.Writer, settings *settings, sockets sockets, address string) {
	text := fmt.Sprintf("GITLAB_URL=%s\nGITLAB_TOKEN=%s\nGITLAB_PROJECT=%s\n", address, settings.token, demoProject)
	if sockets.storage != nil {
		text += fmt.Sprintf("STORAGE_URL=http://%s\n", named(sockets.storage.Addr().String()))
	}
	fmt.Fprint(w, text)
}

// sockets are where the server listens, the storage's nil if there is none.
type sockets struct{ api, storage net.Listener }

func listen(settings *settings) (sockets, error) {
	api, err := net.Listen("tcp", settings.addr)
	if err != nil || settings.storage == "" {
		return sockets{api: api}, err
	}
	storage, err := net.Listen("tcp", settings.storage)
	if err != nil {
		return sockets{}, errors.Join(err, api.Close())
	}
	return sockets{api, storage}, nil
}

// named is the host and port for clients: if the server listens on all IP addresses of the
// machine, the host is localhost.
func named(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err == nil && net.ParseIP(host).IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}
