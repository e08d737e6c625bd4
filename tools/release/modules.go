package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// checkModules compares the modules of the workspace in a folder: they name one version of
// Go, the versions of what they require directly are tagged, and they replace nothing but
// each other.
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
		if !require.Indirect && module.IsPseudoVersion(require.Mod.Version) {
			problems = append(problems, fmt.Errorf("%s: %s has no tag", path, require.Mod))
		}
	}
	for _, replace := range mod.Replace {
		if !modfile.IsDirectoryPath(replace.New.Path) {
			problems = append(problems, fmt.Errorf("%s: %s is replaced", path, replace.Old))
		}
	}
	return errors.Join(problems...)
}
