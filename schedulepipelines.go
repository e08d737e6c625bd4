package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

// ListSchedulePipelinesOptions narrows a list of a schedule's pipelines; filters add up.
// Nil lists all, oldest first.
type ListSchedulePipelinesOptions struct {
	ListOptions

	Scope  PipelineScope `url:"scope,omitempty"`
	Status Status        `url:"status,omitempty"`

	// Zero times do not narrow the list.
	UpdatedAfter  time.Time `url:"updated_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	UpdatedBefore time.Time `url:"updated_before,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	CreatedAfter  time.Time `url:"created_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	CreatedBefore time.Time `url:"created_before,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`

	Sort Sort `url:"sort,omitempty"` // "" is [SortAsc], other than for the pipelines of a project
}

// ListPipelines returns one page of the pipelines that a schedule has started, oldest
// first unless the options say otherwise. The pipelines have no Name.
//
//	GET /projects/:id/pipeline_schedules/:pipeline_schedule_id/pipelines
//
// See https://docs.gitlab.com/api/pipeline_schedules/#list-all-pipelines-triggered-by-a-pipeline-schedule.
// The error matches [ErrNotFound] if the project or the schedule does not exist, or the
// token may not see it, and [errors.ErrUnsupported] if the server is too old for the
// endpoint or, as far as the page shows it, for the options.
func (s *SchedulesService) ListPipelines(ctx context.Context, project ProjectID, schedule ScheduleID, opts *ListSchedulePipelinesOptions) (*Page[PipelineInfo], error) {
	return list(ctx, s.pipelinesOf(project, schedule), opts)
}

// AllPipelines ranges over the pipelines that a schedule has started, oldest first unless
// the options say otherwise.
//
//	GET /projects/:id/pipeline_schedules/:pipeline_schedule_id/pipelines
//
// See https://docs.gitlab.com/api/pipeline_schedules/#list-all-pipelines-triggered-by-a-pipeline-schedule.
// It requests the pages of [SchedulesService.ListPipelines] with the same options and
// errors, by default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError]. Pages are numbered: every pipeline that stays in the list is yielded exactly
// once, as [PipelinesService.All] does for a list that is ordered by ID.
func (s *SchedulesService) AllPipelines(ctx context.Context, project ProjectID, schedule ScheduleID, opts *ListSchedulePipelinesOptions) iter.Seq2[*PipelineInfo, error] {
	return func(yield func(*PipelineInfo, error) bool) {
		query, err := listQuery(opts, 100)
		if err != nil {
			yield(nil, err)
			return
		}
		list := listOf(s.client, s.pipelinesOf(project, schedule), query, optionsOf(opts).Prefetch)
		list.Order = pages.ByID(query.Get("sort") != string(SortDesc)) // other than the pipelines of a project
		list.Range(ctx, query, yield)
	}
}

// pipelinesOf requests pages of a schedule's pipelines. A page in the other order than
// wanted is an error, as one that a filter excludes.
func (s *SchedulesService) pipelinesOf(project ProjectID, schedule ScheduleID) pages.Request[*PipelineInfo] {
	path := at("projects", project, "pipeline_schedules", schedule, "pipelines")
	request := pagesAt[*PipelineInfo](s.client, path)
	return func(ctx context.Context, query url.Values) (*pages.Page[*PipelineInfo], error) {
		page, err := request(ctx, query)
		if err != nil || query.Get("sort") != string(SortDesc) || len(page.Items) < 2 {
			return page, err
		}
		if first, second := page.Items[0], page.Items[1]; first.ID < second.ID {
			return nil, rest.Errorf("GET %s: %w: the server ignores the parameter sort: it lists pipeline %d before pipeline %d",
				path.Escaped, errors.ErrUnsupported, first.ID, second.ID)
		}
		return page, nil
	}
}

const (
	playMinInterval     = time.Second // from one poll of the schedule to the next, at first
	playMaxInterval     = 10 * time.Second
	playGiveUpAfter     = 5 * time.Minute // with GitLab, which starts the pipeline in the background
	lostPlayGiveUpAfter = 2 * time.Minute // the same, if GitLab may not have received the request
)

// Play starts a pipeline of a schedule now, in the name of the client's user, and returns it.
// [SchedulesService] explains how the pipeline is found.
//
//	POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/play
//	GET /projects/:id/pipeline_schedules/:pipeline_schedule_id
//	GET /projects/:id/pipelines/:pipeline_id
//
// See https://docs.gitlab.com/api/pipeline_schedules/#run-a-pipeline-schedule.
// The error matches [ErrNotFound], [ErrForbidden] without the right to run pipelines on the
// ref, [errors.ErrUnsupported] before GitLab 12.8, and [ErrOutcomeUnknown] if no pipeline
// was found. A 500 "Unable to schedule pipeline run immediately" means that GitLab refused,
// perhaps because it has not yet started the pipeline of the last play. Play is never retried.
func (s *SchedulesService) Play(ctx context.Context, project ProjectID, schedule ScheduleID) (*Pipeline, error) {
	c := rest.Once(http.MethodPost, at("projects", project, "pipeline_schedules", schedule, "play"), nil)
	if err := s.client.wire.Check(ctx, c); err != nil {
		return nil, err
	}
	leave, entered := s.client.config.queues.Enter(ctx, fmt.Sprintf("schedule %d", schedule))
	if !entered {
		return nil, rest.NotSent(rest.Errorf("waiting for another call that plays schedule %d: %w", schedule, rest.Ended(ctx)))
	}
	defer leave()
	before, err := s.Get(ctx, project, schedule)
	if err != nil {
		return nil, err
	}
	newest := s.client.config.played.newer(schedule, before.lastID())
	_, lost := send[*successMessage](ctx, s.client, c)
	e, responded := errors.AsType[*APIError](lost)
	switch {
	case responded && e.isPlayRefusal():
		return nil, e
	case lost != nil && (!errors.Is(lost, ErrOutcomeUnknown) || ctx.Err() != nil):
		return nil, lost
	}
	id, err := s.awaitPlayed(ctx, scheduleAt(project, schedule), newest, lost)
	if err != nil {
		return nil, err
	}
	s.client.config.played.newer(schedule, id)
	s.client.created.add(id)
	pipeline, err := readCreated(ctx, s.client, id, func() (*Pipeline, error) { return s.client.Pipelines.Get(ctx, project, id) })
	if err != nil {
		return nil, rest.Errorf("%w: GitLab has started pipeline %d, which cannot be read: %w", ErrOutcomeUnknown, id, err)
	}
	return pipeline, nil
}

// lastID is the ID of the newest pipeline that a schedule has started, or 0.
func (s *Schedule) lastID() PipelineID {
	if s.LastPipeline == nil {
		return 0
	}
	return s.LastPipeline.ID
}

// isPlayRefusal reports whether GitLab has not started a pipeline, although it responds
// with a status that leaves that open.
func (e *APIError) isPlayRefusal() bool {
	return e.StatusCode == http.StatusInternalServerError && strings.Contains(e.Message, "Unable to schedule pipeline run")
}

// awaitPlayed polls a schedule until it has a newer pipeline than one, and returns that.
// Lost is the error of the play, if its response was lost. The creation time of the
// pipeline does not prove that it is that of the play: it is of another clock than the Date
// of a response, and a lost response has none.
func (s *SchedulesService) awaitPlayed(ctx context.Context, to target, newest PipelineID, lost error) (PipelineID, error) {
	p := pollState{
		what: fmt.Sprintf("schedule %d", to.id), doing: fmt.Sprintf("waiting for the pipeline of schedule %d", to.id),
		pace: poll.Pace{Min: playMinInterval, Max: playMaxInterval, Jitter: true}, patience: poll.Patience{GiveUpAfter: playGiveUpAfter, Responded: true},
	}
	limit := playGiveUpAfter
	if lost != nil {
		limit = lostPlayGiveUpAfter
	}
	for start := time.Now(); ; {
		if p.pace.Wait(ctx) != nil {
			return 0, playUnknown(lost, p.ended(ctx, nil))
		}
		begun := time.Now()
		now, err := getOne[*Schedule](ctx, s.client, to)
		switch {
		case err != nil:
			err = p.failed(ctx, begun, true, err)
		case now.lastID() > newest:
			return now.lastID(), nil
		default:
			p.succeeded()
		}
		if err == nil && time.Since(start) >= limit {
			err = fmt.Errorf("schedule %d has no new pipeline after %v; GitLab starts none if the configuration is invalid, or the ref is gone", to.id, limit)
		}
		if err != nil {
			return 0, playUnknown(lost, err)
		}
	}
}

// playUnknown is the error of a play whose pipeline was not found.
func playUnknown(lost, err error) error {
	if lost != nil {
		return rest.Errorf("%w (then, searching for the pipeline: %w)", lost, err)
	}
	return rest.Errorf("%w: GitLab has accepted the play: %w", ErrOutcomeUnknown, err)
}
