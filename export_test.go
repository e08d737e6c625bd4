package gitlabci

import "example.com/gitlabci/internal/secret"

// NewSecret lets tests print a secret.
var NewSecret = secret.New
