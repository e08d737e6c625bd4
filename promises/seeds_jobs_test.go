package promises_test

import (
	"fmt"
	"time"

	"example.com/gitlabci"
)

// A project's jobs are those of its pipelines, newest first. The first one has
// "artifacts" twice: a list of four, and then an empty one.
var seedProjectJobs = []*gitlabci.Job{
	{
		JobInfo: gitlabci.JobInfo{
			ID:         8207,
			Status:     gitlabci.StatusFailed,
			Stage:      "test",
			Name:       "bowl",
			Ref:        "master",
			CreatedAt:  time.Date(2017, 1, 19, 15, 5, 40, 685e6, time.UTC),
			StartedAt:  time.Date(2017, 1, 19, 15, 6, 15, 20e6, time.UTC),
			FinishedAt: time.Date(2017, 1, 19, 15, 6, 15, 193e6, time.UTC),
			Duration:   0.173,
			User:       seedJobUser,
			Commit:     seedCommit,
			Pipeline: &gitlabci.PipelineInfo{
				ID:     7006,
				SHA:    "0cf8018b26fe35164b33353655da0f310a68d6b9",
				Ref:    "master",
				Status: gitlabci.StatusPending,
			},
			WebURL: "https://kiln.example.org/pottery/oven/-/jobs/8207",
		},
		ArtifactsFile:     &gitlabci.ArtifactsFile{Filename: "artifacts.zip", Size: 1200},
		Artifacts:         []gitlabci.JobArtifact{},
		ArtifactsExpireAt: time.Date(2017, 2, 18, 15, 6, 15, 193e6, time.UTC),
	},
	{
		JobInfo: gitlabci.JobInfo{
			ID:         8206,
			Status:     gitlabci.StatusFailed,
			Stage:      "test",
			Name:       "fire:glost",
			Ref:        "master",
			CreatedAt:  time.Date(2017, 1, 19, 15, 5, 40, 610e6, time.UTC),
			StartedAt:  time.Date(2017, 1, 19, 15, 6, 12, 4e6, time.UTC),
			FinishedAt: time.Date(2017, 1, 19, 15, 6, 12, 196e6, time.UTC),
			Duration:   0.192,
			User:       seedJobUser,
			Commit:     seedCommit,
			Pipeline: &gitlabci.PipelineInfo{
				ID:     7006,
				SHA:    "0cf8018b26fe35164b33353655da0f310a68d6b9",
				Ref:    "master",
				Status: gitlabci.StatusPending,
			},
			WebURL: "https://kiln.example.org/pottery/oven/-/jobs/8206",
		},
		Artifacts:         []gitlabci.JobArtifact{},
		ArtifactsExpireAt: time.Date(2017, 2, 18, 15, 6, 12, 196e6, time.UTC),
	},
}

// Jobs that were changed have no pipeline in the old examples.
var seedRetried = &gitlabci.Job{
	JobInfo: gitlabci.JobInfo{
		ID:        8153,
		Status:    gitlabci.StatusPending,
		Stage:     "test",
		Name:      "glaze check",
		Ref:       "master",
		CreatedAt: time.Date(2017, 2, 8, 11, 24, 44, 617e6, time.UTC),
		Commit:    seedCommit,
		WebURL:    "https://kiln.example.org/pottery/oven/-/jobs/8153",
	},
	Artifacts: []gitlabci.JobArtifact{},
}

// seedErased is the one job of the examples of erase and keep.
func seedErased(id gitlabci.JobID, name string) *gitlabci.Job {
	return &gitlabci.Job{
		JobInfo: gitlabci.JobInfo{
			ID:         id,
			Status:     gitlabci.StatusFailed,
			Stage:      "test",
			Name:       name,
			Ref:        "master",
			CreatedAt:  time.Date(2017, 2, 8, 11, 24, 44, 617e6, time.UTC),
			StartedAt:  time.Date(2017, 2, 8, 11, 24, 44, 617e6, time.UTC),
			FinishedAt: time.Date(2017, 2, 8, 11, 26, 7, 617e6, time.UTC),
			Duration:   83,
			Commit:     seedCommit,
			WebURL:     fmt.Sprint("https://kiln.example.org/pottery/oven/-/jobs/", id),
		},
		Artifacts: []gitlabci.JobArtifact{},
	}
}
