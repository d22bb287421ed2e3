// Deploys to Astro what is pushed to the branch below: the DAGs, or the image with them.
// astro-ci.yaml says to which Deployment.
//
// Once: Manage Jenkins > Credentials > a "Secret text" with the ID ASTRO_API_TOKEN, an API token
// that may deploy to the Deployment (Astro UI > Deployment > Access > API Tokens). The job is a
// multibranch pipeline, and its agents need git, Python 3.11+ with venv, and a Docker Engine for
// the image.
pipeline {
  agent any

  options {
    // A build of the branch waits for the one before it.
    disableConcurrentBuilds()
  }

  stages {
    stage('deploy') {
      when { branch @branch@ }
      environment { ASTRO_API_TOKEN = credentials('ASTRO_API_TOKEN') }
      steps {
        sh 'python3 -m venv --clear "$WORKSPACE_TMP/astro-ci"'
        sh '"$WORKSPACE_TMP/astro-ci/bin/python" -m pip install --quiet @package@'
        sh '"$WORKSPACE_TMP/astro-ci/bin/python" -m astro_ci deploy'
      }
    }
  }
}
