// Command endpoints writes docs/endpoints.md, which lists the endpoints of GitLab that
// the services call. It reads them from the comments of the methods. It is run from the
// module's root.
//
//	go run ./tools/endpoints         # write docs/endpoints.md
//	go run ./tools/endpoints -check  # report whether it differs, and change nothing
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
)

const file = "docs/endpoints.md"

func main() {
	check := flag.Bool("check", false, "report whether "+file+" differs, and change nothing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "endpoints:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	methods, err := read(".")
	if err != nil {
		return err
	}
	page := write(methods)
	if !check {
		return os.WriteFile(file, page, 0o644)
	}
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(old, page) {
		return errors.New(file + " is not what the comments say; run: go run ./tools/endpoints")
	}
	return nil
}
