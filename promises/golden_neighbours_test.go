package promises_test

import (
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// goldenNeighbours are the responses about what stands around CI.
var goldenNeighbours = []goldenTest{
	{call: "statuses_list", file: "statuses_list.json", want: goldenStatusesList, except: goldenBasic("Author")},
	{call: "statuses_all", file: "statuses_list.json", want: goldenStatusesList, except: goldenBasic("Author")},
}

var goldenStatusesList = []*gitlabci.CommitStatus{
	{
		ID:           550201,
		SHA:          testkit.SHA,
		Ref:          "feature/tariff",
		Status:       gitlabci.StatusRunning,
		Name:         "ci/surveyor",
		TargetURL:    "https://surveyor.example.com/runs/77",
		Description:  "3 of 8 rooms measured",
		CreatedAt:    time.Date(2026, 3, 2, 8, 14, 1, 223e6, time.UTC),
		StartedAt:    time.Date(2026, 3, 2, 8, 14, 2, 871e6, time.UTC),
		AllowFailure: true,
		Coverage:     new(61.25),
		PipelineID:   90377,
		Author: &gitlabci.User{
			ID:               214,
			Username:         "quill",
			PublicEmail:      "quill@example.com",
			Name:             "Quill Tan",
			State:            "active",
			Locked:           true,
			AvatarURL:        "https://gitlab.example.com/uploads/-/system/user/avatar/214/a.png",
			AvatarPath:       "/uploads/-/system/user/avatar/214/a.png",
			CustomAttributes: []gitlabci.CustomAttribute{{Key: "team", Value: "rooms"}},
			WebURL:           "https://gitlab.example.com/quill",
		},
	},
	{
		ID:         550209,
		SHA:        testkit.SHA,
		Ref:        "feature/tariff",
		Status:     gitlabci.StatusSuccess,
		Name:       "rspec",
		CreatedAt:  time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC),
		StartedAt:  time.Date(2026, 3, 2, 8, 15, 30, 500e6, time.UTC),
		FinishedAt: time.Date(2026, 3, 2, 8, 19, 30, 750e6, time.UTC),
		PipelineID: 90377,
	},
}
