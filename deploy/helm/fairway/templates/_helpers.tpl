{{- define "fairway.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "fairway.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{- /* The labels that select the pods of a component: (list $ "api") */ -}}
{{- define "fairway.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: fairway
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "fairway.labels" -}}
{{- $root := index . 0 -}}
{{ include "fairway.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end -}}

{{- /* The environment of a role: (list $ "worker") */ -}}
{{- define "fairway.env" -}}
{{- $root := index . 0 -}}
{{- range $name, $value := $root.Values.config }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- if $root.Values.preview.enabled }}
- name: FAIRWAY_PREVIEW_URL
  value: http://{{ include "fairway.name" $root }}-preview:{{ $root.Values.preview.port }}
{{- end }}
{{- range concat (index $root.Values.secretKeys (index . 1)) $root.Values.secretKeys.common }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      name: {{ $root.Values.secret }}
      key: {{ . }}
{{- end }}
{{- end -}}

{{- define "fairway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "fairway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "fairway.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "fairway.selector" . | nindent 6 }}
{{- end -}}

{{- define "fairway.egress" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
- ports:
    {{- range .Values.networkPolicy.ports }}
    - port: {{ . }}
    {{- end }}
{{- if .Values.preview.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "fairway.selector" (list . "preview") | nindent 10 }}
  ports:
    - port: {{ .Values.preview.port }}
{{- end }}
{{- end -}}
