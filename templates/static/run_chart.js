// The loss curve of a training run. It is drawn from the run's progress file, so a reload loses nothing.
(() => {
  const box = document.getElementById("loss-chart");
  if (!box || !window.uPlot) return;
  const POLL_SECONDS = 4;
  const points = [];
  let offset = 0;
  let chart = null;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const columns = () => {
    let before;
    return [
      points.map((point) => point.step),
      points.map((point) => point.loss),
      // The validation loss is measured once an epoch and repeated on each line until the next time.
      points.map((point) => {
        const fresh = point.valid_loss !== before;
        before = point.valid_loss;
        return fresh ? point.valid_loss : undefined;
      }),
    ];
  };

  const options = () => {
    const axis = { stroke: colour("--bs-secondary-color"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const number = (_, value) => (value == null ? "–" : value.toFixed(3));
    return {
      width: box.clientWidth,
      height: 260,
      scales: { x: { time: false } },
      axes: [{ ...axis, label: "step" }, { ...axis, label: "loss" }],
      series: [
        { label: "step" },
        { label: "training", stroke: colour("--precis"), width: 2, value: number },
        { label: "validation", stroke: colour("--person-edge"), width: 2, spanGaps: true, points: { show: true, size: 8 }, value: number },
      ],
    };
  };

  const draw = () => {
    if (chart) chart.destroy();
    box.querySelector("[data-empty]")?.remove();
    chart = new uPlot(options(), columns(), box);
  };

  const add = (fresh) => {
    for (const point of fresh) {
      // A resumed run goes back to its checkpoint: what was drawn from there on is replaced.
      while (points.length && points[points.length - 1].step >= point.step) points.pop();
      points.push(point);
    }
  };

  const poll = async () => {
    try {
      // The name keeps a deserted screen from staying signed in.
      const answer = await fetch(`${box.dataset.url}?offset=${offset}`, { headers: { "HX-Trigger-Name": "poll" } });
      if (answer.redirected) return location.reload();
      if (!answer.ok) return;
      const news = await answer.json();
      offset = news.offset;
      add(news.points);
      if (news.points.length) chart ? chart.setData(columns()) : draw();
      if (news.is_over) {
        if (!points.length) box.querySelector("[data-empty]").textContent = "This run ended before training began.";
        return;
      }
    } catch {
      // The web server is restarting, or the network is away: ask again.
    }
    setTimeout(poll, POLL_SECONDS * 1000);
  };

  // A session that ended answers a poll with the sign-in page, which belongs in the window and not in the panel.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, pathInfo } = event.detail;
    if (new URL(xhr.responseURL).pathname === pathInfo.requestPath) return;
    event.detail.shouldSwap = false;
    location.reload();
  });

  new ResizeObserver(() => chart?.setSize({ width: box.clientWidth, height: 260 })).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart && draw());
  poll();
})();
