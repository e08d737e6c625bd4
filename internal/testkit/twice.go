package testkit

import (
	"os"

	"example.com/gitlabci/internal/lenient"
)

// GITLABCI_TEST_TWICE=1 has the tests of golden files, seeds and lists cover what decoding
// does only on pages of objects that are alike.
func init() { lenient.Twice = os.Getenv("GITLABCI_TEST_TWICE") != "" }
