package services_test

import (
	"testing"

	"example.com/gitlabci/internal/testkit/light"
)

func TestMain(m *testing.M) { light.SeldomCollected(m) }
