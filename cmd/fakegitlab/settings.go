package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"example.com/gitlabci/gitlabcitest"
)

// settings are what the flags say.
type settings struct {
	addr, storage, token string
	seed                 uint64
	hook                 gitlabcitest.Hook // without a URL there is none
	options              []gitlabcitest.Option
}

// parse reads the flags. For -h it writes to stdout and returns
// [flag.ErrHelp].
func parse(args []string, stdout io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("fakegitlab", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.addr, "addr", "127.0.0.1:8080", "`address` to listen on; port 0 is a free one")
	flags.StringVar(&s.storage, "storage", "", "`address` of a second port that serves artifacts by signed redirects;\nwithout it the first one serves them")
	flags.StringVar(&s.token, "token", "fake-token", "the `token` to accept, as a personal access token with all rights")
	flags.Uint64Var(&s.seed, "seed", 1, "`number` to generate the demo's data from: the same number gives the same data,\nexcept for the times, which end now")
	flags.Func("speed", "run the clock of the server `n` times as fast as the real one (default 1)", s.setSpeed)
	flags.Func("version", "the `release` of GitLab to imitate, such as 15.4 (default 19.5)", s.setVersion)
	flags.StringVar(&s.hook.URL, "hook", "", "`URL` of a webhook of both projects, for all events of pipelines, jobs and\ndeployments")
	flags.StringVar(&s.hook.Token, "hook-token", "", "the secret `token` in X-Gitlab-Token, for -hook")
	flags.StringVar(&s.hook.SigningToken, "hook-signing-token", "", "the `token` that signs deliveries to -hook: whsec_ and 32 bytes in base64")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		fmt.Fprint(stdout, examples)
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w (see -h)", err)
	case flags.NArg() > 0:
		return nil, fmt.Errorf("%q is not a flag (see -h)", flags.Arg(0))
	case strings.TrimSpace(s.token) == "":
		return nil, errors.New("the -token is empty (see -h)")
	}
	if err := s.checkHook(); err != nil {
		return nil, fmt.Errorf("%w (see -h)", err)
	}
	if s.storage != "" {
		s.options = append(s.options, gitlabcitest.WithStorage(gitlabcitest.Storage{}))
	}
	return s, nil
}

func (s *settings) setSpeed(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return errors.New("not a number")
	}
	return s.add(func() gitlabcitest.Option { return gitlabcitest.WithSpeed(n) })
}

func (s *settings) setVersion(text string) error {
	return s.add(func() gitlabcitest.Option { return gitlabcitest.WithVersion(text) })
}

// checkHook tries the hook on a server of its own.
func (s *settings) checkHook() error {
	switch {
	case s.hook.URL == "" && (s.hook.Token != "" || s.hook.SigningToken != ""):
		return errors.New("a token of a hook needs a -hook")
	case s.hook.URL == "":
		return nil
	}
	trial := gitlabcitest.NewServer()
	defer trial.Close()
	return attempt(func() { trial.AddHook(demoProject, s.hook) })
}

// add adds an option.
func (s *settings) add(option func() gitlabcitest.Option) error {
	return attempt(func() { s.options = append(s.options, option()) })
}

// attempt calls f. A panic about wrong use, which in a test is a mistake of the test, is an
// error of the command line here.
func attempt(f func()) (err error) {
	defer func() {
		if mistake := recover(); mistake != nil {
			err = errors.New(strings.TrimPrefix(fmt.Sprint(mistake), "gitlabcitest: "))
		}
	}()
	f()
	return nil
}
