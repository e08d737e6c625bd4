package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// untagged are modules without any tags, which can be required by a pseudo-version only.
// Dependencies of examples and tools need them; no user of the SDK gets them.
var untagged = []string{
	"github.com/munnerz/goautoneg",           // of Prometheus's client
	"golang.org/x/exp/typeparams",            // of staticcheck
	"google.golang.org/genproto/googleapis/", // of OpenTelemetry's exporter
}

// checkModules compares the modules of the workspace in a folder: they name one version of
// Go, the versions of what they require are tagged, and they replace nothing but each other.
func checkModules(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "go.work"))
	if err != nil {
		return err
	}
	work, err := modfile.ParseWork("go.work", text, nil)
	if err != nil {
		return err
	}
	var problems []error
	for _, use := range work.Use {
		path := filepath.Join(folder, use.Path, "go.mod")
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		mod, err := modfile.Parse(path, text, nil)
		if err != nil {
			return err
		}
		problems = append(problems, checkModule(path, mod, work.Go.Version))
	}
	return errors.Join(problems...)
}

func checkModule(path string, mod *modfile.File, goVersion string) error {
	var problems []error
	if mod.Go == nil || mod.Go.Version != goVersion {
		problems = append(problems, fmt.Errorf("%s: the Go version is not that of go.work, %s", path, goVersion))
	}
	for _, require := range mod.Require {
		hasNoTags := slices.ContainsFunc(untagged, func(prefix string) bool { return strings.HasPrefix(require.Mod.Path, prefix) })
		if module.IsPseudoVersion(require.Mod.Version) && (!hasNoTags || !require.Indirect) {
			problems = append(problems, fmt.Errorf("%s: %s is not a tagged version", path, require.Mod))
		}
	}
	for _, replace := range mod.Replace {
		if !modfile.IsDirectoryPath(replace.New.Path) {
			problems = append(problems, fmt.Errorf("%s: %s is replaced", path, replace.Old))
		}
	}
	return errors.Join(problems...)
}
