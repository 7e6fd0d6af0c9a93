
(function () {
  'use strict';

  // Charts.

  const charts = JSON.parse(document.getElementById('polder-charts').textContent);
  const drawn = new Map();
  const rowHeight = 30;

  function css(name) {
    return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  }

  function rgb(color) {
    return [1, 3, 5].map(function (i) { return parseInt(color.slice(i, i + 2), 16); });
  }

  function mix(from, to, share) {
    const a = rgb(from), b = rgb(to);
    return 'rgb(' + a.map(function (v, i) { return Math.round(v + (b[i] - v) * share); }).join(',') + ')';
  }

  function alpha(color, share) {
    return color.startsWith('#') ? 'rgba(' + rgb(color).join(',') + ',' + share + ')' : color.replace('rgb(', 'rgba(').replace(')', ',' + share + ')');
  }

  function number(value) {
    if (value === null || value === undefined) return '';
    const size = Math.abs(value);
    if (value !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(2).replace('e+', 'e');
    return String(Number(value.toPrecision(4)));
  }

  function points(value) {
    return String(Number((100 * value).toFixed(2)));
  }

  function percent(value) {
    return String(Number((100 * value).toFixed(2))) + ' %';
  }

  function said(axis, value) {
    if (value === null || value === undefined) return '';
    if (axis.names) return (axis.names[Math.round(value)] || ['']).join(' ');
    return axis.share ? percent(value) : axis.points ? points(value) : number(value);
  }

  // Intervals of points, along one axis.
  const intervals = {
    id: 'intervals',
    beforeDatasetsDraw: function (chart) {
      const pen = chart.ctx;
      chart.data.datasets.forEach(function (set, index) {
        if (!set.intervals || !chart.isDatasetVisible(index)) return;
        pen.save();
        pen.beginPath();
        pen.rect(chart.chartArea.left - 8, chart.chartArea.top - 8, chart.chartArea.width + 16, chart.chartArea.height + 16);
        pen.clip();
        pen.strokeStyle = set.strong;
        pen.lineWidth = 2;
        pen.lineCap = 'round';
        chart.getDatasetMeta(index).data.forEach(function (point, i) {
          const low = set.low[i], high = set.high[i];
          if (low === null || high === null || set.data[i].y === null) return;
          pen.beginPath();
          if (set.alongX) {
            pen.moveTo(chart.scales.x.getPixelForValue(low), point.y);
            pen.lineTo(chart.scales.x.getPixelForValue(high), point.y);
          } else {
            pen.moveTo(point.x, chart.scales.y.getPixelForValue(low));
            pen.lineTo(point.x, chart.scales.y.getPixelForValue(high));
          }
          pen.stroke();
        });
        pen.restore();
      });
    }
  };

  function scale(spec, axis, isX, dotted) {
    const result = {
      type: axis.log ? 'logarithmic' : 'linear',
      display: true,
      title: { display: axis.label.length > 0, text: axis.label, color: css('soft') },
      grid: { color: css('grid'), display: !(axis.names && isX) || axis.names.length < 12 },
      border: { display: false },
      ticks: { color: css('soft'), maxRotation: isX && axis.names ? 50 : 0, autoSkipPadding: 12 }
    };
    // Dots keep off the edges.
    if (dotted && !axis.log && !axis.names && !axis.whole) result.grace = '6%';
    // Intervals have their place, too.
    const ends = spec.series.filter(function (series) { return series.low && series.alongX === isX; })
      .flatMap(function (series) { return series.low.concat(series.high); }).filter(function (v) { return v !== null && (!axis.log || v > 0); });
    if (ends.length > 0) {
      result.suggestedMin = Math.min.apply(null, ends);
      result.suggestedMax = Math.max.apply(null, ends);
    }
    if (axis.min !== null) result.min = axis.min;
    if (axis.max !== null) result.max = axis.max;
    if (axis.hidden) {
      result.ticks.display = false;
      result.title.display = false;
      result.grid.display = false;
    }
    if (axis.names) {
      result.min = -0.5;
      result.max = axis.names.length - 0.5;
      result.reverse = !isX;
      result.ticks.stepSize = 1;
      result.ticks.autoSkip = false;
      result.afterBuildTicks = function (built) { built.ticks = axis.names.map(function (_, i) { return { value: i }; }); };
      result.ticks.callback = function (value) {
        const words = (axis.names[value] || ['']).map(function (w) { return w.length > 22 ? w.slice(0, 20) + '\u2026' : w; });
        return words.length === 1 ? words[0] : words;
      };
    } else if (axis.share || axis.points) {
      result.ticks.callback = axis.share ? percent : points;
    } else if (axis.whole) {
      result.ticks.precision = 0;
      result.ticks.callback = function (value) { return Number.isInteger(value) ? value : ''; };
    } else if (axis.log) {
      result.ticks.callback = function (value) {
        const digits = value / Math.pow(10, Math.floor(Math.log10(value) + 1e-9));
        return Math.abs(digits - 1) < 1e-6 || Math.abs(digits - 3) < 1e-6 ? number(value) : '';
      };
    } else {
      result.ticks.callback = number;
    }
    return result;
  }

  function datasets(spec) {
    const sets = [];
    spec.series.forEach(function (series) {
      const color = series.reference ? css('soft')
        : series.shade !== null ? mix(css('low'), css('high'), series.shade) : css('c' + series.color % 8);
      const line = series.mark === 'line' || series.mark === 'linedots';
      const points = series.x.map(function (x, i) { return { x: x, y: series.y[i] }; });
      const set = {
        label: series.name,
        data: points,
        showLine: line,
        spanGaps: true,
        borderColor: series.faint ? alpha(color, 0.45) : color,
        borderWidth: series.reference ? 1.5 : series.faint ? 1.25 : 2,
        borderDash: series.reference ? [5, 4] : [],
        backgroundColor: series.mark === 'dots' ? alpha(color, 0.55) : color,
        strong: color,
        pointRadius: series.mark === 'line' ? 0 : series.mark === 'linedots' ? 3 : series.mark === 'large' ? 6.5 : 4.5,
        pointHoverRadius: series.mark === 'line' ? 4 : 7,
        pointBorderWidth: series.mark === 'large' ? 2 : 0,
        pointBorderColor: series.mark === 'large' ? css('card') : color,
        pointHitRadius: 6,
        tension: 0,
        clip: 12,
        order: series.mark === 'large' ? 0 : series.reference ? 3 : 1,
        notes: series.notes,
        source: series
      };
      if (series.low && series.band) {
        const edge = { showLine: true, pointRadius: 0, pointHitRadius: 0, borderWidth: 0, label: '', order: 4, source: null, spanGaps: true };
        const top = series.x.map(function (x, i) { return { x: x, y: series.high[i] }; });
        const bottom = series.x.map(function (x, i) { return { x: x, y: series.low[i] }; });
        sets.push(Object.assign({}, edge, { data: top, fill: '+1', backgroundColor: alpha(color, 0.18) }));
        sets.push(Object.assign({}, edge, { data: bottom, fill: false }));
      } else if (series.low) {
        set.intervals = true;
        set.low = series.low;
        set.high = series.high;
        set.alongX = series.alongX;
      }
      sets.push(set);
    });
    return sets;
  }

  function legend(chart) {
    const items = [];
    chart.data.datasets.forEach(function (set, index) {
      if (!set.label) return;
      const line = set.showLine;
      items.push({
        text: set.label, datasetIndex: index, hidden: !chart.isDatasetVisible(index), fontColor: css('ink'), strokeStyle: set.strong, fillStyle: set.strong,
        lineWidth: line ? 2.5 : 0, lineDash: set.borderDash, pointStyle: line ? 'line' : 'circle'
      });
    });
    return items;
  }

  function draw(id) {
    const spec = charts[id], canvas = document.getElementById(id);
    const dotted = spec.series.some(function (series) { return series.mark === 'dots'; });
    if (drawn.has(id)) drawn.get(id).destroy();
    if (spec.rows > 0) canvas.parentElement.style.height = 70 + rowHeight * spec.rows + 'px';
    drawn.set(id, new Chart(canvas, {
      type: 'scatter',
      data: { datasets: datasets(spec) },
      plugins: [intervals],
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        font: { size: 13 },
        interaction: { mode: 'nearest', intersect: true },
        scales: { x: scale(spec, spec.x, true, dotted), y: scale(spec, spec.y, false, dotted) },
        plugins: {
          legend: {
            display: spec.legend,
            position: 'top',
            align: 'start',
            labels: { usePointStyle: true, boxHeight: 10, padding: 12, generateLabels: legend }
          },
          tooltip: {
            filter: function (item) { return item.dataset.source !== null; },
            callbacks: {
              title: function () { return ''; },
              label: function (item) {
                const set = item.dataset, i = item.dataIndex;
                if (set.notes) return set.notes[i].split('\n');
                const range = set.source.low && set.source.low[i] !== null ? ' (' + said(set.alongX ? spec.x : spec.y, set.source.low[i]) + ' to '
                  + said(set.alongX ? spec.x : spec.y, set.source.high[i]) + ')' : '';
                return (set.label ? set.label + ': ' : '') + said(spec.y, item.raw.y) + ' at ' + said(spec.x, item.raw.x) + range;
              }
            }
          }
        }
      }
    }));
  }

  function drawAll() {
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.color = css('soft');
    Object.keys(charts).forEach(draw);
  }

  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  addEventListener('beforeprint', function () {
    document.documentElement.classList.add('printing');
    drawAll();
  });
  addEventListener('afterprint', function () {
    document.documentElement.classList.remove('printing');
    drawAll();
  });

  // The tables behind the charts, made when they are asked for.

  function cell(row, name, text, isNumber) {
    const made = document.createElement(name);
    made.textContent = text;
    if (isNumber) made.className = 'number';
    row.appendChild(made);
    return made;
  }

  document.querySelectorAll('details[data-chart]').forEach(function (details) {
    details.addEventListener('toggle', function () {
      if (!details.open || details.querySelector('table')) return;
      const spec = charts[details.dataset.chart];
      const named = spec.series.some(function (s) { return s.name.length > 0; });
      const ranged = spec.series.some(function (s) { return s.low; });
      const table = document.createElement('table'), scroll = document.createElement('div');
      table.className = 'sortable';
      scroll.className = 'scroll';
      scroll.tabIndex = 0;
      scroll.setAttribute('role', 'region');
      scroll.setAttribute('aria-label', 'values');
      const head = table.createTHead().insertRow();
      (named ? ['series'] : []).concat([spec.x.label || 'x', spec.y.label || 'y'], ranged ? ['low', 'high'] : []).forEach(function (title) {
        cell(head, 'th', title, false).scope = 'col';
      });
      const body = table.createTBody();
      spec.series.forEach(function (series) {
        series.x.forEach(function (x, i) {
          const row = body.insertRow();
          if (named) cell(row, 'td', series.name, false);
          cell(row, 'td', said(spec.x, x), !spec.x.names);
          cell(row, 'td', said(spec.y, series.y[i]), !spec.y.names);
          if (ranged) {
            const axis = series.alongX ? spec.x : spec.y;
            cell(row, 'td', series.low ? said(axis, series.low[i]) : '', true);
            cell(row, 'td', series.high ? said(axis, series.high[i]) : '', true);
          }
        });
      });
      scroll.appendChild(table);
      details.appendChild(scroll);
    });
  });

  // Tables that are sorted by their headings.

  function key(row, column) {
    const found = row.cells[column];
    if (found.dataset.value !== undefined) return Number(found.dataset.value);
    return found.textContent.trim();
  }

  function compare(a, b) {
    const x = a.key, y = b.key, missingX = x === '', missingY = y === '';
    if (missingX || missingY) return missingX && missingY ? 0 : missingX ? 2 : -2;
    if (typeof x === 'number' && typeof y === 'number') return x < y ? -1 : x > y ? 1 : 0;
    return String(x).localeCompare(String(y), undefined, { numeric: true });
  }

  document.querySelectorAll('table.sortable thead button').forEach(function (button) {
    button.addEventListener('click', function () {
      const heading = button.parentElement, table = heading.closest('table'), body = table.tBodies[0];
      const rising = heading.getAttribute('aria-sort') !== 'ascending';
      table.querySelectorAll('thead th').forEach(function (th) { th.removeAttribute('aria-sort'); });
      heading.setAttribute('aria-sort', rising ? 'ascending' : 'descending');
      Array.from(body.rows)
        .map(function (row, place) { return { row: row, place: place, key: key(row, heading.cellIndex) }; })
        .sort(function (a, b) {
          const order = compare(a, b);
          // What is missing stays below, whichever way.
          return Math.abs(order) === 2 ? order : (rising ? order : -order) || a.place - b.place;
        })
        .forEach(function (entry) { body.appendChild(entry.row); });
    });
  });

  // Text to copy.

  document.querySelectorAll('button.copy').forEach(function (button) {
    button.addEventListener('click', function () {
      const code = button.parentElement.querySelector('code');
      const range = document.createRange();
      range.selectNodeContents(code);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      const done = function () { button.textContent = 'Copied'; };
      if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(done, function () { button.textContent = 'Selected'; });
      else button.textContent = 'Selected';
    });
  });
}());
