package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/webhook"
)

// settings are what flags, arguments and variables say.
type settings struct {
	listen, state, name string
	lookback, drain     time.Duration
	demo                bool
	projects            []gitlabci.ProjectID
	verifier            *webhook.Verifier
}

// wrong makes an error one of the settings.
func wrong(err error) error { return settingsError{err} }

type settingsError struct{ error }

func (e settingsError) Unwrap() error      { return e.error }
func (settingsError) Is(target error) bool { return target == errSettings }

// parse reads the settings. For -h it writes to out and returns [flag.ErrHelp].
func parse(args []string, getenv func(string) string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("hookbot", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:9000", "`address` to receive webhooks on")
	flags.StringVar(&s.state, "state", "hookbot.json", "`file` that says what was handled; the folder must be writable")
	flags.StringVar(&s.name, "name", "hookbot", "`name` of the commit status")
	flags.DurationVar(&s.lookback, "lookback", time.Hour, "how far to look back for failed pipelines of a project that is new")
	flags.DurationVar(&s.drain, "drain", 30*time.Second, "how long the work that has begun may take after a signal")
	flags.BoolVar(&s.demo, "demo", false, "show what the bot does, on a fake GitLab")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, usage)
		flags.SetOutput(out)
		flags.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, wrong(fmt.Errorf("%w (see -h)", err))
	case s.demo:
		return s, nil
	}
	return s, s.complete(flags.Args(), getenv)
}

// complete reads what the flags do not have.
func (s *settings) complete(args []string, getenv func(string) string) error {
	if len(args) == 0 {
		return wrong(errors.New("name the projects, such as group/app (see -h)"))
	}
	for _, project := range args {
		s.projects = append(s.projects, gitlabci.ProjectID(project))
	}
	var options []webhook.Option
	for _, token := range strings.Fields(getenv("HOOKBOT_SIGNING_TOKEN")) {
		options = append(options, webhook.SigningToken(token))
	}
	for _, token := range strings.Fields(getenv("HOOKBOT_SECRET_TOKEN")) {
		options = append(options, webhook.SecretToken(token))
	}
	if len(options) == 0 {
		return wrong(errors.New("HOOKBOT_SIGNING_TOKEN and HOOKBOT_SECRET_TOKEN are empty (see -h)"))
	}
	var err error
	if s.verifier, err = webhook.NewVerifier(options...); err != nil {
		return wrong(err)
	}
	return nil
}
