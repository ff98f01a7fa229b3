package peer

import (
	"context"
	"math"
	"sync"

	"github.com/thejerf/suture/v4"
)

// sutureSupervisor is a suture supervisor whose services end instead of being
// restarted. Suture joins nothing, so the adapter counts the services itself: it
// is done as soon as they have returned, before the supervisor has noted it.
func sutureSupervisor() Peer {
	return Peer{
		Name:    "suture",
		Doc:     "`suture.Supervisor`, services that do not restart, a WaitGroup by hand",
		Form:    Contextual,
		Catches: true,
		Open:    ready(runSuture),
	}
}

type sutureGroup struct {
	ctx        context.Context
	supervisor *suture.Supervisor
	wg         sync.WaitGroup
}

func runSuture(ctx context.Context, body Body) {
	ctx, cancel := context.WithCancel(ctx)
	g := &sutureGroup{ctx: ctx, supervisor: suture.New("bench", suture.Spec{
		EventHook:        func(suture.Event) {},
		FailureThreshold: math.MaxFloat64,
	})}
	ended := g.supervisor.ServeBackground(ctx)
	body.Fill(g)
	g.wg.Wait()
	cancel()
	if err := <-ended; err == nil { // it ends with the error of ctx
		panic("bench: suture ended by itself")
	}
}

func (g *sutureGroup) Go(t Task) {
	g.wg.Add(1)
	g.supervisor.Add(&sutureService{run: t.Contextual, wg: &g.wg})
}

func (g *sutureGroup) Wait() { g.wg.Wait() }

func (g *sutureGroup) Context() context.Context { return g.ctx }

// A sutureService runs a task once. A failure is returned, so that it is
// reported; the restart that follows ends at once.
type sutureService struct {
	run func(context.Context) error
	wg  *sync.WaitGroup
	ran bool
}

func (s *sutureService) Serve(ctx context.Context) error {
	if s.ran {
		return suture.ErrDoNotRestart
	}
	s.ran = true
	defer s.wg.Done()
	if err := s.run(ctx); err != nil {
		return err
	}
	return suture.ErrDoNotRestart
}

// String keeps suture from printing the service to make up a name.
func (s *sutureService) String() string { return "task" }
